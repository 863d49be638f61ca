/** Given to `node --import`: the wall clock of the process and of its workers is off by LHG_TEST_CLOCK_MS; monotonic time is right. */
const shiftMs = Number(process.env.LHG_TEST_CLOCK_MS ?? 0);
const now = Date.now;
Date.now = () => now() + shiftMs;
