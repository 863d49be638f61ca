import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { BrowserRouter } from "react-router";
import { Frame } from "./frame/frame.tsx";
import "./frame/theme.css";
import { applyTheme, readTheme } from "./frame/theme.ts";
import { queryClient } from "./node/client.ts";

applyTheme(readTheme());
createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <BrowserRouter basename="/console">
        <Frame />
      </BrowserRouter>
    </QueryClientProvider>
  </StrictMode>,
);
