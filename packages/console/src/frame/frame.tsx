/** What stands around every page: menu, search, connection, theme. */
import { type FormEvent, type ReactNode, Suspense, useState } from "react";
import { Link, Route, Routes, useLocation, useNavigate } from "react-router";
import { useConnection } from "../node/live.ts";
import { useStrings } from "../strings/strings.tsx";
import { Loading } from "../ui/states.tsx";
import { ErrorBoundary } from "./error-boundary.tsx";
import "./frame.css";
import { Icon } from "./icons.tsx";
import { PhoneBar, SideMenu } from "./menu.tsx";
import { NotFound } from "./not-found.tsx";
import { Arrival } from "./page-arrival.tsx";
import { SECTIONS } from "./sections.ts";
import { applyTheme, readTheme, THEMES, type Theme } from "./theme.ts";

export function Frame(): ReactNode {
  const strings = useStrings();
  const { pathname } = useLocation();
  return (
    <div className="frame">
      <a className="skip" href="#content">
        {strings.app.skip}
      </a>
      <header className="bar no-print">
        <Link to="/" className="brand" aria-label={strings.app.home}>
          <img src="/console/icon.svg" alt="" width="28" height="28" />
          <span>LHG</span>
        </Link>
        <SearchBox />
        <ThemeSwitch />
      </header>
      <SideMenu />
      <main id="content" tabIndex={-1}>
        <ConnectionNotice />
        <ErrorBoundary key={pathname}>
          <Suspense fallback={<Loading />}>
            <Arrival>
              <Routes>
                {SECTIONS.map(({ path, page: Page }) => (
                  <Route key={path} path={path} element={<Page />} />
                ))}
                <Route path="*" element={<NotFound />} />
              </Routes>
            </Arrival>
          </Suspense>
        </ErrorBoundary>
      </main>
      <PhoneBar />
    </div>
  );
}

function SearchBox(): ReactNode {
  const strings = useStrings();
  const navigate = useNavigate();
  const search = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const text = String(new FormData(event.currentTarget).get("q") ?? "")
      .trim()
      .toWellFormed();
    if (text !== "") navigate(`/search?q=${encodeURIComponent(text)}`);
  };
  return (
    <search className="search">
      <form onSubmit={search}>
        <Icon name="search" />
        <input
          name="q"
          type="search"
          aria-label={strings.search.label}
          placeholder={strings.search.placeholder}
          maxLength={1024}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          enterKeyHint="search"
        />
      </form>
    </search>
  );
}

function ThemeSwitch(): ReactNode {
  const strings = useStrings();
  const [theme, setTheme] = useState<Theme>(readTheme);
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]!;
  const name = strings.app.themeIs(strings.app.theme[theme]);
  return (
    <button
      type="button"
      className="theme-button"
      aria-label={`${name}. ${strings.app.themeNext(strings.app.theme[next])}`}
      title={name}
      onClick={() => {
        applyTheme(next);
        setTheme(next);
      }}
    >
      <Icon name={theme} />
      <span>{strings.app.theme[theme]}</span>
    </button>
  );
}

/** Says when the node is away; what was loaded stays on the page. */
function ConnectionNotice(): ReactNode {
  const connection = useConnection();
  const strings = useStrings();
  return (
    <div role="status" className="connection">
      {connection === "lost" ? <p className="lost">{strings.app.unreachable}</p> : null}
    </div>
  );
}
