/** A page that fails takes nothing else with it. */
import { Component, type ErrorInfo, type ReactNode } from "react";
import { useStrings } from "../strings/strings.tsx";
import { Button } from "../ui/button.tsx";

interface State {
  readonly error: Error | undefined;
}

export class ErrorBoundary extends Component<{ children: ReactNode }, State> {
  override state: State = { error: undefined };

  static getDerivedStateFromError(error: unknown): State {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }

  override componentDidCatch(error: unknown, info: ErrorInfo): void {
    console.error(error, info.componentStack);
  }

  override render(): ReactNode {
    const { error } = this.state;
    return error === undefined ? this.props.children : <Broken error={error} />;
  }
}

/** A part of the console that cannot be loaded: the node is away, or has a newer console since. */
const CHUNK = /dynamically imported module|importing a module script|preload css/i;

function Broken({ error }: { error: Error }): ReactNode {
  const { app } = useStrings();
  const isChunk = CHUNK.test(error.message);
  return (
    <div className="note bad" role="alert">
      <h1>{isChunk ? app.chunkTitle : app.brokenTitle}</h1>
      <p>{isChunk ? app.chunk : app.broken}</p>
      <p className="mono small">{error.message.slice(0, 300)}</p>
      <Button isMain onClick={() => location.reload()}>
        {app.reload}
      </Button>
    </div>
  );
}
