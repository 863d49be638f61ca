/** What the chain is and the rules it runs by. */
import {
  approvalsNeeded,
  hashValidators,
  type ValidatorSet,
  validatorAddress,
  votesNeeded,
} from "@lhg/protocol/core/block/validator-set";
import { toHex } from "@lhg/protocol/core/bytes";
import { encode } from "@lhg/protocol/core/codec/definition";
import { LhgError } from "@lhg/protocol/core/errors";
import { genesis, SUPPLY_CAP } from "@lhg/protocol/core/genesis";
import { getParameters, parameters } from "@lhg/protocol/core/parameters";
import { getParameterVersion } from "@lhg/protocol/modules/chain/chain";
import { type Group, getGroup, getGroupSummary } from "@lhg/protocol/modules/groups/groups";
import { getSupply } from "@lhg/protocol/modules/token/token";
import { getValidatorsAt, getValidatorsVersion } from "@lhg/protocol/modules/validators/validators";
import type { QueryContext } from "./context.ts";
import { NUMBER_BYTES, openPage, type PageArgs, pageNumbers } from "./paging.ts";
import type { ChainView, GroupView, Page, ParametersView, ValidatorsView } from "./views.ts";

type NoArgs = Record<string, never>;

export function getChain(context: QueryContext, _args: NoArgs): ChainView {
  return {
    chainId: context.chainId,
    genesis: genesis.toJson(context.genesis),
    genesisBytes: toHex(encode(genesis, context.genesis)),
    supply: { issued: getSupply(context.state).toString(), cap: SUPPLY_CAP.toString() },
  };
}

function viewSet({ crypto }: QueryContext, set: ValidatorSet): ValidatorsView["current"] {
  return {
    hash: toHex(hashValidators(crypto, set)),
    validators: set.map(({ operator, consensusKey, power }) => ({
      operator: toHex(operator),
      consensusKey: toHex(consensusKey),
      address: toHex(validatorAddress(crypto, consensusKey)),
      power: power.toString(),
    })),
  };
}

/** Who signs the next block, and who the one after it. */
export function getValidators(context: QueryContext, _args: NoArgs): ValidatorsView {
  const { state, head } = context;
  const current = getValidatorsAt(state, head.height + 1);
  return {
    height: head.height,
    version: getValidatorsVersion(state),
    approvalsNeeded: approvalsNeeded(current.length),
    votesNeeded: votesNeeded(current.length),
    current: viewSet(context, current),
    next: viewSet(context, getValidatorsAt(state, head.height + 2)),
  };
}

export function getParametersView({ state, head }: QueryContext, _args: NoArgs): ParametersView {
  const values = parameters.toJson(getParameters(state)) as ParametersView["parameters"];
  return { height: head.height, version: getParameterVersion(state), parameters: values };
}

function viewGroup(height: number, group: number, { name, members, mergedInto }: Group): GroupView {
  return { height, group, name, members, mergedInto };
}

export function getGroupView(
  { state, head }: QueryContext,
  { group }: { readonly group: number },
): GroupView {
  const found = getGroup(state, group);
  if (found === undefined) throw new LhgError("group.not-found", "there is no such group", "group");
  return viewGroup(head.height, group, found);
}

export function listGroups(context: QueryContext, args: PageArgs): Page<GroupView> {
  const paging = openPage(context, "listGroups", args, NUMBER_BYTES);
  const { state, head } = context;
  const last = (getGroupSummary(state)?.groups ?? 0) - 1;
  return pageNumbers(paging, { first: 0, last, step: 1 }, (number) => {
    const group = getGroup(state, number);
    return group === undefined ? undefined : viewGroup(head.height, number, group);
  });
}
