/** Who is signed in. A session that ended asks for the password over the page, so that nothing typed is lost. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { createContext, useCallback, useContext, useEffect, useMemo, useRef, useState, type ReactNode } from "react";
import { get, onSignedOut, send, type Answer } from "@/api/client";
import { covers } from "@/api/permissions";
import { Problem } from "@/api/problem";
import { Waiting } from "@/ui/states";
import { claimDevice, forgetDevice } from "./device";
import { SignIn } from "./SignIn";

type Me = Answer<"/v1/me">;
interface Session {
  me: Me;
  personId: string;
  name: string;
  roles: readonly string[];
  may: (permission: string) => boolean;
  signOut: () => Promise<void>;
  changed: () => Promise<void>;
}
const SessionContext = createContext<Session | null>(null);

/** The session; only inside of the signed-in part of the page. */
export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error("useSession is for signed-in pages");
  return session;
}

/** Whether the person may; what he may not is left out. */
export const useMay = (permission: string | undefined): boolean => {
  const { may } = useSession();
  return !permission || may(permission);
};

export function SessionProvider({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const [over, setOver] = useState(false);
  const waiting = useRef<{ done: () => void; failed: (reason: Problem) => void }[]>([]);
  const known = useRef(false);
  const me = useQuery<Me, Problem>({
    queryKey: ["/v1/me"],
    queryFn: async ({ signal }) => {
      const found = await get("/v1/me", { signal });
      await claimDevice(found.person?.person_id ?? found.actor);
      return found;
    },
    staleTime: 300_000,
    retry: (count, problem) => problem.passes && count < 2,
  });
  known.current = Boolean(me.data);
  useEffect(() => {
    onSignedOut(() => {
      if (!known.current) return Promise.reject(new Problem("not-signed-in", ""));
      setOver(true);
      return new Promise<void>((done, failed) => waiting.current.push({ done, failed }));
    });
  }, []);
  const signedIn = useCallback(async () => {
    await client.invalidateQueries({ queryKey: ["/v1/me"] });
    setOver(false);
    for (const each of waiting.current.splice(0)) each.done();
  }, [client]);
  const signOut = useCallback(async () => {
    await send("POST", "/v1/session:close", {}).catch(() => undefined); // it is over either way
    await forgetDevice();
    location.assign("/");
  }, []);
  const changed = useCallback(async () => {
    await client.invalidateQueries();
  }, [client]);
  const session = useMemo<Session | null>(() => {
    if (!me.data) return null;
    const permissions = me.data.permissions;
    const switchedOff = new Set(me.data.switched_off);
    return {
      me: me.data,
      personId: me.data.person?.person_id ?? "",
      name: me.data.person?.name ?? me.data.actor,
      roles: me.data.roles.length ? me.data.roles : (me.data.person?.roles ?? []),
      may: (permission) => covers(permissions, permission) && !switchedOff.has(permission.split(".", 1)[0] ?? ""),
      signOut,
      changed,
    };
  }, [me.data, signOut, changed]);
  if (!session) {
    if (me.isPending) return <Waiting whole />;
    return <SignIn problem={me.error?.kind === "not-signed-in" ? undefined : (me.error ?? undefined)} onDone={signedIn} />;
  }
  return (
    <SessionContext value={session}>
      {children}
      {over && <SignIn over login={session.me.person?.login} onDone={signedIn} />}
    </SessionContext>
  );
}
