/** What the network goes through, in this order; each stage says in a line what was seen and measured. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { toHex } from "@lhg/protocol/core/bytes";
import { readCometValidatorKey } from "../../src/consensus/comet/process/comet-home.ts";
import { newKey } from "../../src/make-genesis.ts";
import { compareDisks, readDisk } from "../network/audit.ts";
import { waitForEvidence } from "../network/faults.ts";
import { LHG, type NodeProcess } from "../network/node-process.ts";
import { addressOf } from "../statements.ts";
import { waitUntilLevel } from "./agreement.ts";
import {
  refuseGenesis,
  refuseLedgerAhead,
  refuseOtherChain,
  refuseOtherEngine,
  replayLedger,
  sendGarbage,
} from "./bad-input.ts";
import { crashNodes, describeHandshakes } from "./crashes.ts";
import { makeTwin, readAccusation, removeTwin, requireLogged, requireRecord } from "./double-signer.ts";
import { askEngine, listEngines } from "./engines.ts";
import { describeTimes, inMs } from "./figures.ts";
import type { Story } from "./story.ts";
import { CHANGE_HEIGHTS, changeValidators, findSigned, readChange } from "./validators.ts";
import { showWorld } from "./world-stage.ts";

const EVIDENCE_MS_MAX = 300_000;
const DECIDE_MS_MAX = 30_000;
/** Whose key runs twice, and who is voted out. */
const DOUBLE_SEAT = 2;
const LEAVING_SEAT = 3;

export interface Stage {
  readonly name: string;
  run(story: Story): Promise<string>;
}

/** The last one stops the network. */
export const STAGES: readonly Stage[] = [
  { name: "the sample world", run: showWorld },
  { name: "crashes", run: crash },
  { name: "a fresh node", run: joinBlockSync },
  { name: "validators change", run: change },
  { name: "a double signer", run: signTwice },
  { name: "bad input", run: mistreat },
  { name: "the disks", run: compareStores },
];

const homeOfEngine = ({ seat }: NodeProcess): string => join(seat.home, "comet");

async function crash(story: Story): Promise<string> {
  const trial = await story.trial();
  const { kills, onMs, againMs, orphanMs, handshakes, compared } = await crashNodes(trial, story.kills);
  return (
    `${story.kills} times kill -9 (ledger ${kills.ledger}, engine ${kills.engine}, both ${kills.both}): ` +
    `three decided within ${describeTimes(onMs)}, all four again within ${describeTimes(againMs)}; ` +
    `an engine without its ledger was gone after ${describeTimes(orphanMs)}; ` +
    `engines came back ${describeHandshakes(handshakes)}; ${compared} app hashes compared; ${await trial.settle()}`
  );
}

async function joinBlockSync(story: Story): Promise<string> {
  const [node, line] = await story.join();
  const { firstHeight } = await node.patient.getStatus();
  const { earliestHeight } = await askEngine(node, (rpc) => rpc.status());
  if (firstHeight !== 1 || earliestHeight !== 1n)
    throw new Error(`${node.name} has blocks from ${firstHeight} on, its engine from ${earliestHeight} on`);
  return `${line}; ledger and engine have all blocks from the first on`;
}

/** The node that joined is voted in by three of four operators, then a founder is voted out. */
async function change(story: Story): Promise<string> {
  const { network, operators } = story;
  const { chainId, validators, faucet: payer } = network;
  const trial = await story.trial();
  const [joiner] = await story.join();
  const leaver = validators[LEAVING_SEAT]!;
  const [joining, leaving] = await Promise.all(
    [joiner, leaver].map((node) => readCometValidatorKey(homeOfEngine(node))),
  );
  const operator = addressOf(newKey());
  const { current } = await joiner.patient.getValidators();
  const power = BigInt(current.validators[0]!.power);
  const admission = {
    chainId,
    payer,
    node: validators[0]!,
    changes: [{ operator, consensusKey: joining!, power }],
  };
  const early = await changeValidators({ ...admission, operators: operators.slice(0, 2) });
  if (early.status !== "approval.too-few") throw new Error(`with two approvals: ${early.status}`);
  const approving = operators.slice(0, 3);
  const admitted = await changeValidators({ ...admission, operators: approving });
  await requireChange(network.live(), admitted, { comes: joining! });
  const signedAt = await findSigned(validators[0]!, joining!, admitted.height + CHANGE_HEIGHTS);
  const removal = { operator: addressOf(operators[LEAVING_SEAT]!), consensusKey: leaving!, power: 0n };
  const removed = await changeValidators({ ...admission, operators: approving, changes: [removal] });
  await requireChange(network.live(), removed, { goes: leaving! });
  const { isValidator: isStill } = await leaver.patient.getStatus();
  const { isValidator: isNow } = await joiner.patient.getStatus();
  if (isStill || !isNow) throw new Error("the ledger names other validators than CometBFT");
  const againMs = await trial.measureDecision(network.live(), DECIDE_MS_MAX);
  return (
    `two approvals of four are refused (${early.status}); ${joiner.name} admitted at ${admitted.height}, one of CometBFT's validators from ` +
    `${admitted.height + CHANGE_HEIGHTS} on, signs ${signedAt}; ${leaver.name} expelled at ${removed.height}, gone from ` +
    `${removed.height + CHANGE_HEIGHTS} on and follows; all five decide within ${inMs(againMs)}; ${await trial.settle()}`
  );
}

/** Throws unless CometBFT of all nodes has the change from two heights later on, and not before. */
async function requireChange(
  nodes: readonly NodeProcess[],
  { height, status }: { readonly height: number; readonly status: string },
  { comes, goes }: { readonly comes?: Uint8Array; readonly goes?: Uint8Array },
): Promise<void> {
  if (status !== "ok") throw new Error(`the change at ${height}: ${status}`);
  const { before, after } = await readChange(nodes, height);
  const isRight = (
    key: Uint8Array | undefined,
    without: ReadonlySet<string>,
    within: ReadonlySet<string>,
  ): boolean => key === undefined || (!without.has(toHex(key)) && within.has(toHex(key)));
  if (!isRight(comes, before, after) || !isRight(goes, after, before))
    throw new Error(`decided at ${height}, before ${[...before].join()}, after ${[...after].join()}`);
}

async function signTwice(story: Story): Promise<string> {
  const { network, freeSeat, guilty } = story;
  const { validators, fabric: seating } = network;
  const trial = await story.trial();
  const double = validators[DOUBLE_SEAT]!;
  const key = await readCometValidatorKey(homeOfEngine(double));
  const { current } = await double.patient.getValidators();
  const { operator } = current.validators.find(({ consensusKey }) => consensusKey === toHex(key))!;
  const { height: from } = await double.patient.getStatus();
  const twin = await makeTwin(double, { seating, seat: freeSeat });
  const startMs = performance.now();
  twin.spawn();
  const found = await waitForEvidence(validators[0]!.patient, EVIDENCE_MS_MAX, from);
  const foundMs = performance.now() - startMs;
  await removeTwin(twin);
  const misbehaviour = readAccusation(found.evidence, key);
  guilty.add(toHex(key));
  const settled = await trial.settle();
  for (const node of network.live()) {
    const { evidence } = await node.patient.getBlock(found.height);
    if (String(evidence) !== String(found.evidence)) throw new Error(`${node.name} has other evidence`);
    await requireRecord(node, operator, misbehaviour);
    await requireLogged(node, misbehaviour);
  }
  const againMs = await trial.measureDecision(network.live(), DECIDE_MS_MAX);
  return (
    `${double.name}'s key on two nodes: two votes at height ${misbehaviour.height}, evidence in block ${found.height} ` +
    `${inMs(foundMs)} after the second was started; all ${network.live().length} nodes have it on record, prove it and log it; ` +
    `decide within ${inMs(againMs)} without the second; ${settled}`
  );
}

async function mistreat(story: Story): Promise<string> {
  const { validators, observers } = story.network;
  const trial = await story.trial();
  const [sound, second, third, last] = validators as readonly [
    NodeProcess,
    NodeProcess,
    NodeProcess,
    NodeProcess,
  ];
  const fresh = observers[1]!;
  const lines = [
    await refuseOtherEngine(fresh, last, sound),
    await refuseGenesis(fresh, sound),
    await refuseOtherChain(last, sound),
    await refuseLedgerAhead(second, sound),
    await replayLedger(third, sound),
    await sendGarbage(second, trial.random),
  ];
  const againMs = await trial.measureDecision(story.network.live(), DECIDE_MS_MAX);
  return `${lines.join("; ")}; all decide within ${inMs(againMs)}; ${await trial.settle()}`;
}

/** Stops everything, and compares what is left. */
async function compareStores(story: Story): Promise<string> {
  const { network, guilty } = story;
  const trial = await story.trial();
  await trial.load.stop();
  await trial.settle();
  const nodes = network.live();
  const { height, appHash } = await waitUntilLevel(nodes);
  await Promise.all(nodes.map((node) => node.stop()));
  const left = listEngines(network.folder);
  if (left.length > 0) throw new Error(`${left.length} engines outlive their nodes`);
  const reports = [];
  for (const node of nodes) {
    const report = await readDisk(node);
    const accused = [...report.accused.keys()].join();
    if (accused !== [...guilty].join())
      throw new Error(`on ${report.name} evidence is against ${accused || "nobody"}`);
    reports.push(report);
  }
  const { acknowledged } = trial.load;
  const same = compareDisks(reports, acknowledged.keys());
  // It fails where anything differs.
  for (const { seat } of nodes)
    await promisify(execFile)(process.execPath, [LHG, "audit", "--data", join(seat.home, "data")]);
  return (
    `${nodes.length} nodes stopped at height ${height} with app hash ${appHash.slice(0, 16)}, no engine left; their disks hold the same ${same.height} blocks, ` +
    `${same.statements} statements once each, all ${acknowledged.size} acknowledged ones among them; lhg audit finds all of them SOUND`
  );
}
