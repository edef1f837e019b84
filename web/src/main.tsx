import "antd/dist/reset.css";
import "./styles.css";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { BrowserRouter } from "react-router";
import type { Problem } from "./api/problem";
import { PreferencesProvider } from "./app/preferences";
import { SessionProvider } from "./app/session";
import { Shell } from "./app/Shell";
import { TourProvider } from "./app/touring";
import { placeOf } from "./app/places";

declare module "@tanstack/react-query" {
  interface Register {
    defaultError: Problem;
  }
}

const client = new QueryClient({
  defaultOptions: {
    // The service worker answers from what was seen, so questions are asked off-line too.
    queries: { networkMode: "always", refetchOnWindowFocus: true, retry: (count, problem) => problem.passes && count < 2, retryDelay: (n) => 500 * 2 ** n },
    mutations: { networkMode: "always", retry: false },
  },
});

// Links in older notices and mails point to "/#/customer/…".
if (location.hash.startsWith("#/")) history.replaceState(null, "", placeOf(location.hash.slice(1)));

const root = document.getElementById("root");
if (root)
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={client}>
        <PreferencesProvider>
          <BrowserRouter>
            <SessionProvider>
              <TourProvider>
                <Shell />
              </TourProvider>
            </SessionProvider>
          </BrowserRouter>
        </PreferencesProvider>
      </QueryClientProvider>
    </StrictMode>,
  );

if (import.meta.env.PROD && "serviceWorker" in navigator) void navigator.serviceWorker.register("/sw.js");
