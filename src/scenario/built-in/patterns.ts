/** Access patterns whose pictures are known from tools that watch memory: stairs and zigzag. */
const STEPS = 10;
const STEP_SECONDS = 5;

function steps(make: (i: number) => string): string {
  return Array.from({ length: STEPS }, (_, i) => make(i)).join('\n');
}

/** One region after the other is in use; the machine has room for about half of them. */
export const STAIRS = `title Stairs: ten regions, one in use at a time
machine ram=96M swap=96M swapkind=zram cpus=2 seed=1
proc stairs pid=100 comm=stairs adj=-1000
${steps((i) => `stairs mmap s${i} size=10M anon private`)}
${steps((i) => `stairs touch s${i} 0 10M write`)}
${steps((i) => `stairs run sequential s${i} rate=10000/s write=100% after=${i * STEP_SECONDS}s for=${STEP_SECONDS}s`)}
duration ${STEPS * STEP_SECONDS}s
`;

/** Two regions take turns; together they are larger than the machine. */
export const ZIGZAG = `title Zigzag: two regions take turns
machine ram=128M swap=128M swapkind=zram cpus=2 seed=1
proc zigzag pid=100 comm=zigzag adj=-1000
zigzag mmap low size=64M anon private
zigzag mmap high size=64M anon private
zigzag touch low 0 64M write
zigzag touch high 0 64M write
${steps((i) => `zigzag run sequential ${i % 2 === 0 ? 'low' : 'high'} rate=20000/s write=100% after=${i * STEP_SECONDS}s for=${STEP_SECONDS}s`)}
duration ${STEPS * STEP_SECONDS}s
`;
