import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { BrowserRouter } from "react-router";
import { Frame } from "./frame/frame.tsx";
import "./frame/theme.css";
import { applyTheme, readTheme } from "./frame/theme.ts";
import { queryClient } from "./node/client.ts";
import { chooseLanguage } from "./strings/languages.ts";
import { StringsProvider } from "./strings/strings.tsx";

applyTheme(readTheme());
const language = chooseLanguage(navigator.languages);
document.documentElement.lang = language.tag;
createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <StringsProvider strings={language.strings}>
        <BrowserRouter basename="/console">
          <Frame />
        </BrowserRouter>
      </StringsProvider>
    </QueryClientProvider>
  </StrictMode>,
);
