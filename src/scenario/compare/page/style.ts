/** Style and script of the comparison page. */
import { Markup } from './template.ts';

/** Number of colours for processes (--c0 …); what is beyond them is summed up. */
export const PROCESS_COLOURS = 8;

const STYLE = `
:root{color-scheme:light dark;--bg:#fbfaf8;--card:#fff;--ink:#1d2126;--soft:#555e68;--line:#8b929a;--grid:#e4e2dd;--best:#e7f3ea;--bestink:#14572f;--mark:#2f5fc4;--lost:#b3402a;--cold:#6b7480;--kill:#b3222f;--ram:#1d2126;--rest:#7a828b;--cache:#8a929b;
--c0:#3f62c8;--c1:#b4560f;--c2:#2e7d3e;--c3:#8a4aa6;--c4:#bd3646;--c5:#0c7680;--c6:#7d5a26;--c7:#5d6a00}
@media (prefers-color-scheme:dark){:root{--bg:#14171a;--card:#1c2024;--ink:#e8e9ea;--soft:#aab3bc;--line:#77818b;--grid:#2e343a;--best:#173a28;--bestink:#93e0b4;--mark:#8fb0ff;--lost:#ff9a80;--cold:#9ba5b0;--kill:#ff7d86;--ram:#f2f2f2;--rest:#8f99a3;--cache:#77818b;
--c0:#8fa8ff;--c1:#f0a35e;--c2:#7fcf8c;--c3:#cf9be6;--c4:#ff8d97;--c5:#5fc9d3;--c6:#d0ab74;--c7:#bccb5a}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main{max-width:960px;margin:0 auto;padding:40px 20px 24px}
.kicker{margin:0;color:var(--soft);font:13px/1.4 ui-monospace,Menlo,"DejaVu Sans Mono",monospace}
h1{margin:4px 0 8px;font-size:30px;line-height:1.2;font-weight:650}
.lead{margin:0 0 28px;max-width:66ch;color:var(--soft)}
section{margin:0 0 24px;padding:22px 24px 24px;background:var(--card);border:1px solid var(--grid);border-radius:12px}
h2{margin:0;font-size:19px;font-weight:620}
h3{margin:20px 0 4px;font-size:15px;font-weight:600}
.about{margin:2px 0 16px;color:var(--soft);font-size:14px;max-width:80ch}
figure{margin:0}
svg{display:block;height:auto;overflow:visible;max-width:100%}
svg.narrow{display:none;width:100%;max-width:520px}
@media (max-width:940px){svg.wide{display:none}svg.narrow{display:block}main{padding:24px 12px}section{padding:16px 14px}h1{font-size:24px}}
svg text{fill:var(--soft);font:12px system-ui,"DejaVu Sans",sans-serif}
svg text.name{fill:var(--ink);font-weight:600;font-size:13px}
svg .grid{stroke:var(--grid)}svg .axis{stroke:var(--line)}
svg .hot,svg .dot{fill:var(--mark)}svg .lost{fill:var(--lost)}svg .first{fill:none;stroke:var(--cold);stroke-width:1.5}
svg .whisker{stroke:var(--ink);stroke-width:1.5}svg .seed{stroke:var(--soft);stroke-width:1}
svg .zero{stroke:var(--ink);stroke-dasharray:3 3}svg .median{stroke:var(--ink);stroke-width:2}
svg .layer{stroke:var(--card);stroke-width:.75}svg .ram{stroke:var(--ram);stroke-width:1.5;stroke-dasharray:6 3;fill:none}
svg .swap{stroke:var(--ink);stroke-width:2;fill:none}svg .kill{stroke:var(--kill);stroke-width:1.5}svg .leader{stroke:var(--line);stroke-width:.75;fill:none}
.tools{display:flex;flex-wrap:wrap;gap:8px 12px;align-items:baseline;margin:8px 0 0;font-size:13px}
button{font:inherit;font-size:13px;padding:3px 10px;border:1px solid var(--line);border-radius:6px;background:none;color:var(--ink);cursor:pointer}
:focus-visible{outline:2px solid var(--mark);outline-offset:2px}
details{font-size:13px;flex:1 1 100%}summary{cursor:pointer;color:var(--soft)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}
details table{font-size:12px}
th,td{padding:4px 9px;text-align:right;border-bottom:1px solid var(--grid);white-space:nowrap}
th[scope=row]{text-align:left;font-weight:400}thead th{border-bottom:1px solid var(--line);font-weight:600}
.group th{text-align:left;padding-top:14px;color:var(--soft);font-size:12px;font-weight:600}
.unit,.nd{color:var(--soft)}td.best{background:var(--best);color:var(--bestink);font-weight:600}
output{display:block;min-height:1.5em;font-size:13px;color:var(--ink)}
footer{color:var(--soft);font-size:13px;padding:0 4px}
dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 14px;margin:8px 0}dt{font-weight:600;color:var(--ink)}dd{margin:0;overflow-wrap:anywhere}
@media (max-width:520px){dl{grid-template-columns:1fr}}
pre{overflow-x:auto;font-size:12px;line-height:1.4}
@media print{section{break-inside:avoid}.tools{display:none}}
`;

/**
 * Downloads: the picture that is shown, with the style that it has now, and the table under it as CSV. Reading a memory
 * plot: arrow keys, or the pointer, choose a row of its table, which is then read out.
 */
const SCRIPT = `
const save=(name,type,text)=>{const a=document.createElement('a');a.href=URL.createObjectURL(new Blob([text],{type}));a.download=name;a.click();setTimeout(()=>URL.revokeObjectURL(a.href),1000)};
const KEPT=['fill','stroke','stroke-width','stroke-dasharray','font','text-anchor','opacity'];
const pictureOf=figure=>{const svg=[...figure.querySelectorAll('svg')].find(s=>getComputedStyle(s).display!=='none');
const copy=svg.cloneNode(true);const all=[svg,...svg.querySelectorAll('*')],copies=[copy,...copy.querySelectorAll('*')];
all.forEach((element,i)=>{const style=getComputedStyle(element);copies[i].setAttribute('style',KEPT.map(k=>k+':'+style.getPropertyValue(k)).join(';'))});
copy.setAttribute('xmlns','http:'+'//www.w3.org/2000/svg');copy.style.background=getComputedStyle(figure.closest('section')).backgroundColor;return copy.outerHTML};
const csvOf=table=>[...table.rows].map(row=>[...row.cells].map(cell=>{const t=cell.dataset.v??cell.textContent.trim();return /[",\\n]/.test(t)?'"'+t.replaceAll('"','""')+'"':t}).join(',')).join('\\n')+'\\n';
document.addEventListener('click',event=>{const button=event.target.closest('button[data-save]');if(!button)return;
const figure=button.closest('figure');const name=figure?.dataset.name;
if(button.dataset.save==='svg')save(name+'.svg','image/svg+xml',pictureOf(figure));
else if(button.dataset.save==='csv')save(name+'.csv','text/csv',csvOf(figure.querySelector('table')));
else save('runs.csv','text/csv',document.getElementById('runs').textContent)});
for(const plot of document.querySelectorAll('.reading')){const figure=plot.closest('figure');const out=figure.querySelector('output');const rows=[...figure.querySelector('tbody').rows];const heads=[...figure.querySelector('thead').rows[0].cells].map(c=>c.textContent);
let at=-1;const show=i=>{at=Math.max(0,Math.min(rows.length-1,i));const cells=[...rows[at].cells].map(c=>c.textContent);out.textContent=cells[0]+' min: '+cells.slice(1).map((t,k)=>[Number(t),heads[k+1]]).filter(([v])=>v>=1).map(([v,h])=>h+' '+v).join(', ')+' MB'};
plot.addEventListener('keydown',e=>{const step={ArrowRight:1,ArrowLeft:-1,PageDown:10,PageUp:-10}[e.key];const to=e.key==='Home'?0:e.key==='End'?rows.length-1:step===undefined?undefined:at+step;if(to===undefined)return;e.preventDefault();show(to)});
plot.addEventListener('pointermove',e=>{const svg=e.target.closest('svg');if(!svg)return;const b=svg.getBoundingClientRect();const [l,r,w]=svg.dataset.span.split(' ').map(Number);const x=((e.clientX-b.left)/b.width*w-l)/(r-l);if(x>=0&&x<=1)show(Math.round(x*(rows.length-1)))})}
`;

export const STYLE_MARKUP = new Markup(STYLE);
export const SCRIPT_MARKUP = new Markup(`<script>${SCRIPT}</script>`);
