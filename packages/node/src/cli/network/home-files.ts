/** The home of a node: its settings, the genesis of its chain and its keys. What it holds of the chain stands in its data folder. */
export const CONFIG_FILE = "lhg.toml";
export const GENESIS_FILE = "genesis.json";
/** Seed of the key that says to peers who the node is: 64 hexadecimal digits. */
export const NODE_KEY_FILE = "node-key";
export const NODE_KEY_BYTES = 32;
export const CONSENSUS_KEY_FILE = "consensus-key.json";
/** Of the account that answers for the validator. The node does not need it: keep it elsewhere. */
export const OPERATOR_KEY_FILE = "operator-key.json";
/** Home of CometBFT, where that is the engine. */
export const COMET_FOLDER = "comet";
