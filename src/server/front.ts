/** A view that the process of a mount serves beside it: what it is told, and what it says. The view itself is above (src/ui). */

/** What was asked for with --ui. */
export interface FrontWish {
  /** A loopback address. */
  readonly host: string;
  readonly port: number;
  /** Any other free port will do when this one is taken. */
  readonly anyPort: boolean;
  /** Without it no request has an effect: part of the address. */
  readonly token: string;
}

export interface Front {
  /** Where it is seen, the token in it. */
  readonly url: string;
  close(): Promise<void>;
}

/** Begins to show the mount. Rejects with MountError where the address cannot be had. */
export type StartFront = (mountpoint: string, wish: FrontWish) => Promise<Front>;
