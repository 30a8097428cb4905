#!/usr/bin/env python3
"""Compare goldens on the fields the oracle's README says to compare.

    compare.py [--strict] EXPECTED_DIR ACTUAL_DIR [NAME...]

--strict compares everything but the number of runs.  {"noisy":[min,max]} agrees
with any value in the range.  Exit status 1 if anything differs.
"""
import glob, json, os, sys

KB = ['Size', 'Rss', 'Pss', 'Shared_Clean', 'Shared_Dirty', 'Private_Clean', 'Private_Dirty',
      'Anonymous', 'Swap', 'SwapPss', 'Locked']
STEP = ['step', 'minflt', 'majflt', 'bad', 'ret', 'errno', 'addr', 'vmas_walked', 'bytes_advised', 'vmas_refused', 'signals']


def same(a, b):
    if a == b:
        return True
    for x, y in ((a, b), (b, a)):
        if isinstance(x, dict) and 'noisy' in x:
            n = x['noisy']
            if isinstance(y, int):
                return min(n) <= y <= max(n)
            return y in n or (isinstance(y, dict) and 'noisy' in y)
    return False


def kb(d):
    return {k: d.get(k) for k in KB}


def flat(step):
    """the compared values of one step, path -> value"""
    out = {}
    if 'snap' not in step:
        for k in STEP:
            if k in step:
                out[k] = step[k]
        if 'pageout' in step['step'] and 'vmstat' in step:
            out['pswpout'] = step['vmstat'].get('pswpout', 0)
        return out
    out['snap'] = step['snap']
    for p, pd in step['procs'].items():
        for k, v in kb(pd['own_kB']).items():
            out[f'{p}/{k}'] = v
        out[f'{p}/VmSwap'] = pd['status_kB']['VmSwap']
        for m, md in pd['maps'].items():
            if 'noisy' in md:           # the runs differed in structure: nothing to compare
                continue
            if 'sum_kB' in md:
                out.update({f'{p}/{m}/sum/{k}': v for k, v in kb(md['sum_kB']).items()})
                out[f'{p}/{m}/count'] = md['vma_count']
                continue
            out[f'{p}/{m}/pages'] = md['pages']
            for i, v in enumerate(md['vmas']):
                for k in ('first_page', 'page_count', 'perms'):
                    out[f'{p}/{m}/{i}/{k}'] = v[k]
                out.update({f'{p}/{m}/{i}/{k}': x for k, x in kb(v['kB']).items()})
    for o, od in step['objects'].items():
        out[f'obj/{o}/cached'], out[f'obj/{o}/dirty'] = od['pages_cached'], od['pages_dirty']
        out[f'obj/{o}/mincore'] = od.get('mincore')
    out['swap_used'] = step['system']['swap_used_pages']
    out['SwapCached'] = step['system']['SwapCached_kB_delta']
    return out


def compare(fa, fb, strict):
    a, b = json.load(open(fa)), json.load(open(fb))
    diffs = []
    if strict:
        a.pop('runs'), b.pop('runs')
        if a != b:
            for x, y in zip(a['steps'], b['steps']):
                if x != y:
                    diffs.append(('strict', json.dumps(x)[:600], json.dumps(y)[:600]))
            diffs = diffs or [('strict', 'header or length', '')]
        return diffs
    if len(a['steps']) != len(b['steps']):
        return [('steps', len(a['steps']), len(b['steps']))]
    for x, y in zip(a['steps'], b['steps']):
        fx, fy = flat(x), flat(y)
        for one, two in ((x, y), (y, x)):
            for q, qd in one.get('procs', {}).items():
                for m, md in qd['maps'].items():
                    if 'noisy' in md:
                        for f in (fx, fy):
                            for k in [k for k in f if k.startswith(f'{q}/{m}/')]:
                                del f[k]
        for k in list(fx) + [k for k in fy if k not in fx]:
            if not same(fx.get(k), fy.get(k)):
                diffs.append((x.get('step', 'snap ' + x.get('snap', '')) + ': ' + k, fx.get(k), fy.get(k)))
    return diffs


def main():
    args = [x for x in sys.argv[1:] if x != '--strict']
    strict = '--strict' in sys.argv
    ea, eb, names = args[0], args[1], args[2:]
    rc = n = 0
    for f in sorted(glob.glob(ea + '/*.json')):
        name = os.path.basename(f)
        if names and not any(x in name for x in names):
            continue
        g = os.path.join(eb, name)
        if not os.path.exists(g):
            print(f'{name}: missing'); rc = 1
            continue
        d = compare(f, g, strict)
        n += 1
        if d:
            rc = 1
            print(f'{name}: {len(d)} differences')
            for x in d[:12]:
                print('   ', *x, sep=' | ')
    print(f'{n} compared, {"DIFFERENT" if rc else "all agree"}')
    return rc


if __name__ == '__main__':
    sys.exit(main())
