/** QR codes in pictures: files of any size, and frames of a camera. */
import { LhgError } from "@lhg/protocol/core/errors";
import decodeQR from "qr/decode.js";

const FILE_BYTES_MAX = 64 << 20;
/** Longest side in pixels, tried in turn: photos are noisy at full size, and small codes vanish when reduced. */
const FILE_SIDES: readonly number[] = [1_000, 2_000, 500, 3_500];
const FRAME_SIDE_MAX = 960;
const FILE_TIME_LIMIT_MS = 1_500;

type Drawable = ImageBitmap | HTMLVideoElement;

/** The text of the code; undefined where none is found. Throws `image.size`, `image.invalid`. */
export async function readImageFile(file: Blob): Promise<string | undefined> {
  if (file.size > FILE_BYTES_MAX)
    throw new LhgError("image.size", `is larger than ${FILE_BYTES_MAX >> 20} MiB`, "image");
  const image = await createImageBitmap(file).catch(() => {
    throw new LhgError("image.invalid", "is no picture that this browser can read", "image");
  });
  try {
    const longest = Math.max(image.width, image.height);
    const sides = [...new Set(FILE_SIDES.map((side) => Math.min(side, longest)))];
    for (const side of sides) {
      const text = decodeAt(image, image.width, image.height, side, FILE_TIME_LIMIT_MS);
      if (text !== undefined) return text;
    }
    return undefined;
  } finally {
    image.close();
  }
}

export function readFrame(video: HTMLVideoElement): string | undefined {
  const { videoWidth, videoHeight } = video;
  if (videoWidth === 0 || videoHeight === 0) return undefined;
  return decodeAt(video, videoWidth, videoHeight, FRAME_SIDE_MAX);
}

function decodeAt(
  source: Drawable,
  width: number,
  height: number,
  sideMax: number,
  timeLimit?: number,
): string | undefined {
  const scale = Math.min(1, sideMax / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  try {
    return decodeQR(
      context.getImageData(0, 0, canvas.width, canvas.height),
      timeLimit === undefined ? {} : { timeLimit },
    );
  } catch {
    // The decoder says by throwing that it finds no code.
    return undefined;
  }
}
