/** Camera and picture, wherever a code is wanted. */
import { LhgError } from "@lhg/protocol/core/errors";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { DropPlace } from "../../signing/drop-place.tsx";
import { useStrings } from "../../strings/strings.tsx";
import { Button } from "../../ui/button.tsx";
import { Failure } from "../../ui/states.tsx";
import { type CameraProblem, startCamera } from "./camera.ts";
import { readImageFile } from "./decode-image.ts";
import "./scan.css";

export function Scanner({ onText }: { onText: (text: string) => void }): ReactNode {
  const { scan } = useStrings();
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);

  const readFile = async (file: File): Promise<void> => {
    setBusy(true);
    setError(undefined);
    try {
      const text = await readImageFile(file);
      if (text === undefined) throw new LhgError("image.no-code", scan.noCode, "image");
      onText(text);
    } catch (problem) {
      setError(problem);
    } finally {
      setBusy(false);
    }
  };

  return (
    <div className="stack">
      <Camera onText={onText} />
      <DropPlace
        title={scan.picture}
        button={isBusy ? scan.reading : scan.choosePicture}
        hint={scan.pictureHint}
        accept="image/*"
        onFile={readFile}
      />
      {error === undefined ? null : <Failure error={error} />}
    </div>
  );
}

function Camera({ onText }: { onText: (text: string) => void }): ReactNode {
  const { scan } = useStrings();
  const video = useRef<HTMLVideoElement>(null);
  const [isOn, setOn] = useState(false);
  const [isLive, setLive] = useState(false);
  const [problem, setProblem] = useState<CameraProblem>();
  const latest = useRef(onText);
  latest.current = onText;

  useEffect(() => {
    if (!isOn || video.current === null) return undefined;
    return startCamera(video.current, {
      onStart: () => setLive(true),
      onText: (text) => {
        setOn(false);
        latest.current(text);
      },
      onProblem: (found) => {
        setProblem(found);
        setOn(false);
      },
    });
  }, [isOn]);

  const toggle = (): void => {
    setProblem(undefined);
    setLive(false);
    setOn(!isOn);
  };
  return (
    <div className="camera">
      <video ref={video} hidden={!isOn} playsInline muted aria-label={scan.cameraView} />
      <Button isMain={!isOn} onClick={toggle}>
        {isOn ? scan.stopCamera : scan.startCamera}
      </Button>
      {isOn ? <p className="muted small">{isLive ? scan.holdStill : scan.waitingForCamera}</p> : null}
      {problem === undefined ? null : (
        <p className="note warn" role="alert">
          {scan.cameraProblems[problem]}
        </p>
      )}
    </div>
  );
}
