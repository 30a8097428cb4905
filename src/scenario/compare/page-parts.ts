/** Style and script of the comparison page. */

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

/** Number of colours for policies (--p0 …) and for processes (--c0 …). */
export const POLICY_COLOURS = 5;
export const PROCESS_COLOURS = 12;

export const STYLE = `
:root{color-scheme:light dark;--bg:#fbfaf8;--card:#fff;--ink:#1d2126;--soft:#5c6570;--line:#e3e1dc;--grid:#eceae5;--best:#e7f3ea;--bestink:#17633a;--cache:#d9dde2;--swap:#1d2126;--kill:#c62f3b;
--p0:#6b7684;--p1:#c8502f;--p2:#b98a12;--p3:#1f7a54;--p4:#3565b8;
--c0:#4e79a7;--c1:#f28e2b;--c2:#59a14f;--c3:#b07aa1;--c4:#e15759;--c5:#76b7b2;--c6:#edc948;--c7:#9c755f;--c8:#86bcb6;--c9:#d37295;--c10:#a0cbe8;--c11:#8cd17d}
@media (prefers-color-scheme:dark){:root{--bg:#14171a;--card:#1c2024;--ink:#e8e9ea;--soft:#9aa4ae;--line:#2c3238;--grid:#2a2f35;--best:#173a28;--bestink:#8fdcb0;--cache:#39414a;--swap:#f2f2f2;--kill:#ff6b74;
--p0:#95a1ae;--p1:#ee7c5a;--p2:#dcb048;--p3:#4cc08a;--p4:#7aa5ee}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main{max-width:1080px;margin:0 auto;padding:40px 20px 24px}
header{margin-bottom:28px}
.kicker{margin:0;color:var(--soft);font:13px/1.4 ui-monospace,Menlo,"DejaVu Sans Mono",monospace}
h1{margin:4px 0 8px;font-size:30px;line-height:1.2;font-weight:650;letter-spacing:-.01em}
.lead{margin:0;max-width:64ch;color:var(--soft)}
section{margin:0 0 24px;padding:22px 24px 24px;background:var(--card);border:1px solid var(--line);border-radius:12px}
h2{margin:0;font-size:19px;font-weight:620}
.about{margin:2px 0 16px;color:var(--soft);font-size:14px}
h3{margin:18px 0 4px;font-size:15px;font-weight:600}
svg{display:block;width:100%;height:auto;overflow:visible}
svg text{fill:var(--soft);font:12px system-ui,"DejaVu Sans",sans-serif}
svg text.strong{fill:var(--ink);font-weight:600;font-size:13px}
svg text.inside{fill:#fff;font-weight:600}
.grid{stroke:var(--grid);stroke-width:1}
.axis{stroke:var(--line);stroke-width:1}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}
th,td{padding:5px 10px;text-align:right;border-bottom:1px solid var(--grid);white-space:nowrap}
th[scope=row]{text-align:left;font-weight:400}
thead th{border-bottom:1px solid var(--line);font-weight:600}
.group th{text-align:left;padding-top:14px;color:var(--soft);font-size:12px;font-weight:600;letter-spacing:.03em}
.unit{color:var(--soft)}
td.best{background:var(--best);color:var(--bestink);font-weight:600}
.legend{display:flex;flex-wrap:wrap;gap:4px 16px;margin:10px 0 0;padding:0;list-style:none;font-size:13px;color:var(--soft)}
.legend i{display:inline-block;width:11px;height:11px;margin-right:6px;border-radius:3px;vertical-align:-1px}
.legend i.line{height:0;border-top:2px solid var(--swap);border-radius:0;width:16px;vertical-align:4px}
footer{color:var(--soft);font-size:13px;padding:0 4px}
dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 14px;margin:8px 0 0}
dt{font-weight:600;color:var(--ink)}dd{margin:0}
#hint{position:fixed;z-index:2;max-width:280px;padding:7px 10px;border-radius:7px;background:var(--ink);color:var(--bg);font-size:13px;line-height:1.35;pointer-events:none;white-space:pre-line}
@media (max-width:640px){main{padding:24px 12px}section{padding:16px 14px}h1{font-size:24px}}
@media print{body{background:#fff}section{break-inside:avoid}}
`;

/** Shows the `data-hint` of what the pointer is over; on a memory plot, the sample under it. */
export const TOOLTIP_SCRIPT = `
const hint=document.getElementById('hint');
const show=(text,e)=>{hint.textContent=text;hint.hidden=false;const w=hint.offsetWidth,h=hint.offsetHeight;
hint.style.left=Math.max(4,Math.min(innerWidth-w-8,e.clientX+14))+'px';hint.style.top=(e.clientY+h+24>innerHeight?e.clientY-h-12:e.clientY+16)+'px'};
document.addEventListener('pointermove',e=>{
const mark=e.target.closest?.('[data-hint]');if(mark){show(mark.dataset.hint,e);return}
const plot=e.target.closest?.('svg[data-times]');if(!plot){hint.hidden=true;return}
const d=plot.plot??=({times:JSON.parse(plot.dataset.times),texts:JSON.parse(plot.dataset.texts),left:+plot.dataset.left,right:+plot.dataset.right,width:plot.viewBox.baseVal.width});
const box=plot.getBoundingClientRect();const x=(e.clientX-box.left)/box.width*d.width;
const t=(x-d.left)/(d.right-d.left)*d.times[d.times.length-1];if(t<0||x>d.right){hint.hidden=true;return}
let i=d.times.findIndex(v=>v>=t);if(i<0)i=d.times.length-1;show(d.texts[i],e)});
document.addEventListener('pointerleave',()=>{hint.hidden=true});
`;
