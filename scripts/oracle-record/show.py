#!/usr/bin/env python3
"""Print goldens in short form: show.py GOLDEN.json...  (two variants: differences marked)"""
import json, sys
for f in sys.argv[1:]:
    g = json.load(open(f))
    print('##', f.split('/')[-1], '-', g['title'], f"noisy={g['noisy_fields']}")
    for s in g['steps']:
        if 'snap' not in s:
            print('  ', s['step'], '->', ' '.join(f'{k}={v}' for k, v in s.items() if k not in ('line', 'step', 'addr')))
            continue
        print('   SNAP', s['snap'], 'used', s['system']['swap_used_pages'], 'swapcache_kB', s['system']['SwapCached_kB_delta'],
              ' '.join(f"{o}:{d['pages_cached']}c/{d['pages_dirty']}d" for o, d in s['objects'].items()))
        for p, d in s['procs'].items():
            for m, md in d['maps'].items():
                short = lambda kb: ' '.join(f"{k}={v}" for k, v in kb.items() if v and k not in ('Size', 'Referenced', 'Pss_Dirty'))
                if 'noisy' in md:
                    print(f"        {p}.{m} differs between runs")
                    continue
                if 'sum_kB' in md:
                    print(f"        {p}.{m} vmas={md['vma_count']} {short(md['sum_kB'])}")
                    continue
                print(f"        {p}.{m}", md['pages'], md.get('frames', '') if '-f' in sys.argv else '')
                for v in md['vmas']:
                    print(f"            [{v['first_page']}+{v['page_count']}] {v['perms']} {short(v['kB'])}")
