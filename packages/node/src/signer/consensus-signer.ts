/** Who signs for a validator: a key in this process, or one that lives elsewhere. */
export interface ConsensusSigner {
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array;
  /**
   * Signs the bytes of a consensus message (`voteSignBytes`, `changeViewSignBytes`). Deterministic: the same bytes give the same
   * signature. Rejects with `signer.refused` where they conflict with what was signed before, `signer.unreachable` where nobody answered.
   */
  sign(message: Uint8Array): Uint8Array | Promise<Uint8Array>;
}
