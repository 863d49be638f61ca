/** The world from its start to its end: settle in, tell the story, then live. */
import { createClient } from "@lhg/sdk/client/client";
import { type Accounts, openAccounts } from "./accounts.ts";
import { sendFirstCommands, settleIn, topUp } from "./admission.ts";
import { type Chain, submitBent } from "./captors.ts";
import { openDevices } from "./device-loop.ts";
import { collectFacts, type Facts, writeFacts } from "./facts.ts";
import { leanFetch } from "./lean-fetch.ts";
import { live } from "./life.ts";
import { loadMemory, type Memory, saveMemory } from "./memory.ts";
import { tellStep } from "./narrate.ts";
import { pause, persist } from "./patience.ts";
import { describeError, describeFacts } from "./report.ts";
import { forgePhone } from "./story/incidents.ts";
import { type Story, tellStory } from "./story/story.ts";
import { tell } from "./telling.ts";

export interface WorldOptions {
  readonly url: string;
  /** What the world remembers stands here; must exist. */
  readonly folder: string;
  /** Ends the world. */
  readonly signal: AbortSignal;
  /** Between two steps of life, on the average. */
  readonly paceMs: number;
  readonly say: (line: string) => void;
  readonly complain: (line: string) => void;
}

/** Until the signal ends it. Throws what no waiting mends. */
export async function runWorld(options: WorldOptions): Promise<void> {
  try {
    await begin(options);
  } catch (error) {
    if (!options.signal.aborted) throw error;
  }
}

async function begin({ url, folder, signal, paceMs, say, complain }: WorldOptions): Promise<void> {
  const client = createClient({ url, fetch: leanFetch });
  const { chainId } = await persist(() => client.getStatus(), signal);
  const chain: Chain = { client, chainId, url, signal };
  const notebook = await openNotebook(folder, chainId);
  const accounts = openAccounts(notebook.read());
  const onProblem = createComplaints(complain);
  await settleIn(chain, accounts);
  const devices = await openDevices(chain, { folder, accounts, onProblem });
  const tellAndLive = async (): Promise<never> => {
    const facts = await tellOnce(chain, accounts, notebook);
    await persist(() => sendFirstCommands(chain, accounts), signal);
    await writeFacts(folder, facts);
    for (const line of describeFacts(url, facts)) say(line);
    return live(chain, {
      accounts,
      from: notebook.read().life,
      paceMs,
      onStep: (life) => notebook.note({ life }),
      onProblem,
    });
  };
  try {
    await Promise.race([devices.run(), tellAndLive(), keepCredit(chain, accounts, onProblem)]);
  } finally {
    await devices.close();
  }
}

/** The memory, written whenever something is noted. */
interface Notebook {
  read(): Memory;
  note(change: Partial<Memory>): Promise<void>;
}

async function openNotebook(folder: string, chainId: string): Promise<Notebook> {
  let memory = await loadMemory(folder, chainId);
  return {
    read: () => memory,
    note: async (change) => {
      memory = { ...memory, ...change };
      await saveMemory(folder, memory);
    },
  };
}

/** What is on the chain already is not told again. */
async function tellOnce(chain: Chain, accounts: Accounts, notebook: Notebook): Promise<Facts> {
  const story = tellStory();
  const { bornMs, told } = notebook.read();
  await tell(chain, {
    bornMs,
    accounts,
    steps: story.steps,
    told,
    onTold: (count, step, { id, status }) =>
      notebook.note({
        told: count,
        ...(step.status === undefined ? {} : { forged: { capture: id, status } }),
      }),
  });
  if (notebook.read().bent === null)
    await notebook.note({ bent: await bend(chain, accounts, story, bornMs) });
  const { forged, bent } = notebook.read();
  return collectFacts(chain.chainId, story, accounts, { ...forged!, refusedCode: bent! });
}

/** Somebody speaks in the phone maker's name, with a signature that is not its own. */
function bend(
  chain: Chain,
  accounts: Accounts,
  { cast }: Story,
  bornMs: number,
): ReturnType<typeof submitBent> {
  return submitBent(chain, accounts.vendors.phones, tellStep(forgePhone(cast), bornMs, accounts));
}

const CREDIT_CHECK_MS = 60_000;

async function keepCredit(
  chain: Chain,
  accounts: Accounts,
  onProblem: (error: unknown, what: string) => void,
): Promise<never> {
  for (;;) {
    await pause(CREDIT_CHECK_MS, chain.signal);
    await topUp(chain, accounts).catch((error) => onProblem(error, "credit"));
  }
}

/** The same trouble of the same thing is told once, until there was another one. */
function createComplaints(complain: (line: string) => void): (error: unknown, what: string) => void {
  const last = new Map<string, string>();
  return (error, what) => {
    const text = describeError(error);
    if (last.get(what) === text) return;
    last.set(what, text);
    complain(`${what}: ${text}`);
  };
}
