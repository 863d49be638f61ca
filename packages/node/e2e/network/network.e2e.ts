/** The short ones of the hostile network tests; `npm run e2e:network` runs all. */
import { test } from "node:test";
import { runScenario, SCENARIOS } from "./scenarios.ts";
import { whyProxies } from "./test-network.ts";

/** Other things run on the machine of a build: the promised times are held to by `npm run e2e:network`. */
const PATIENCE = 3;

const why = await whyProxies();
test("links are those of a kernel", { skip: why ?? false }, () => {});

for (const scenario of SCENARIOS.filter(({ isShort }) => isShort))
  test(scenario.name, async (t) => {
    await runScenario(scenario, { seed: 1, patience: PATIENCE, say: (line) => t.diagnostic(line) });
  });
