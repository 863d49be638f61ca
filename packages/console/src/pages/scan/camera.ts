/** The camera, looked at a few times a second until a code is read. */
import { readFrame } from "./decode-image.ts";

export type CameraProblem = "refused" | "absent" | "insecure" | "busy";

export interface CameraCallbacks {
  readonly onText: (text: string) => void;
  readonly onStart?: () => void;
  readonly onProblem: (problem: CameraProblem) => void;
}

/** Decoding takes 10 to 60 ms of a phone: five times a second leaves it responsive. */
const LOOK_EVERY_MS = 200;

/** Starts; the function it returns ends it and gives the camera back, at any time. */
export function startCamera(video: HTMLVideoElement, callbacks: CameraCallbacks): () => void {
  let isStopped = false;
  let stream: MediaStream | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stop = (): void => {
    isStopped = true;
    clearTimeout(timer);
    for (const track of stream?.getTracks() ?? []) track.stop();
    video.srcObject = null;
  };
  const look = (): void => {
    if (isStopped) return;
    const text = readFrame(video);
    if (text === undefined) timer = setTimeout(look, LOOK_EVERY_MS);
    else {
      stop();
      callbacks.onText(text);
    }
  };
  openCamera().then(
    async (opened) => {
      stream = opened;
      if (isStopped) {
        stop();
        return;
      }
      video.srcObject = opened;
      await video.play().catch(() => undefined);
      callbacks.onStart?.();
      look();
    },
    (error: unknown) => {
      if (!isStopped) callbacks.onProblem(toProblem(error));
    },
  );
  return stop;
}

async function openCamera(): Promise<MediaStream> {
  // Absent outside of secure contexts.
  if (!("mediaDevices" in navigator)) throw new DOMException("", "SecurityError");
  return navigator.mediaDevices.getUserMedia({
    video: { facingMode: { ideal: "environment" }, width: { ideal: 1280 }, height: { ideal: 960 } },
    audio: false,
  });
}

function toProblem(error: unknown): CameraProblem {
  switch ((error as Error).name) {
    case "NotAllowedError":
      return "refused";
    case "SecurityError":
      return "insecure";
    case "NotFoundError":
    case "OverconstrainedError":
      return "absent";
    default:
      return "busy";
  }
}
