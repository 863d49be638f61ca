/** CometBFT's headers and commits as strangers send them. */
import { readFileSync } from "node:fs";
import { sodiumCrypto } from "../../packages/node/src/crypto/sodium.ts";
import { decodeCometCommit, encodeCometCommit } from "../../packages/protocol/src/core/block/comet-commit.ts";
import {
  decodeCometHeader,
  encodeCometHeader,
  hashCometHeader,
} from "../../packages/protocol/src/core/block/comet-header.ts";
import { equalBytes, fromHex } from "../../packages/protocol/src/core/bytes.ts";
import { decode, encode } from "../../packages/protocol/src/core/codec/definition.ts";
import { assertInvariant } from "../../packages/protocol/src/core/errors.ts";
import {
  type CertifiedHeader,
  certifiedHeader,
  ENGINE_COMETBFT,
  readLightHeader,
  verifyHeader,
} from "../../packages/protocol/src/core/proof/anchor.ts";
import { expectNoRefusal } from "./expect-no-refusal.ts";
import { mutate } from "./mutate.ts";
import type { Target } from "./targets.ts";

interface BlockVector {
  readonly header: string;
  readonly commit: string;
  readonly validators: readonly { readonly consensusKey: string; readonly power: string }[];
}

function readBlocks(): { chainId: string; blocks: Readonly<Record<string, BlockVector>> } {
  const file = new URL("../../packages/protocol/vectors/comet.json", import.meta.url);
  return JSON.parse(readFileSync(file, "utf8"));
}

function certify({ header, commit, validators }: BlockVector): CertifiedHeader {
  return {
    engine: ENGINE_COMETBFT,
    header: fromHex(header),
    certificate: fromHex(commit),
    validators: validators.map(({ consensusKey, power }) => ({
      consensusKey: fromHex(consensusKey),
      power: BigInt(power),
    })),
  };
}

export function cometTargets(): Target[] {
  const { chainId, blocks } = readBlocks();
  const headers = Object.values(blocks).map(({ header }) => fromHex(header));
  const commits = Object.values(blocks).map(({ commit }) => fromHex(commit));
  const first = certify(blocks["1 of a"]!);
  const next = certify(blocks["9 of b"]!);
  const { validatorsHash } = readLightHeader(first);
  return [
    {
      name: "comet header",
      draw: (random) => mutate(random, headers),
      run(input) {
        const value = decodeCometHeader(input);
        expectNoRefusal(() => {
          assertInvariant(equalBytes(encodeCometHeader(value), input), "a header has one encoding");
          hashCometHeader(sodiumCrypto, value);
        });
      },
    },
    {
      name: "comet commit",
      draw: (random) => mutate(random, commits),
      run(input) {
        const value = decodeCometCommit(input);
        const encoded = expectNoRefusal(() => encodeCometCommit(value));
        assertInvariant(equalBytes(encoded, input), "a commit has one encoding");
      },
    },
    {
      name: "verify comet header",
      acceptedAs: "the true header",
      draw: (random) => mutate(random, [encode(certifiedHeader, next)]),
      run(input) {
        const header = decode(certifiedHeader, input, "header");
        verifyHeader(sodiumCrypto, { chainId, validatorsHash }, { transitions: [first], header });
        assertInvariant(equalBytes(header.header, next.header), "a forged header is trusted");
      },
    },
  ];
}
