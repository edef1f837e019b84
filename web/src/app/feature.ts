/** What a feature tells the shell of itself. A feature is one folder; its index.tsx exports one of these. */
import type { ComponentType, ReactNode } from "react";
import type { Words } from "@/i18n/words";

export interface FeatureRoute {
  /** "/customers/:customerId"; a page is loaded when it is first opened. */
  path: string;
  load: () => Promise<{ default: ComponentType }>;
  /** Without it the page says that it may not be seen. */
  permission?: string;
}
export interface MenuItem<K extends string> {
  to: string;
  label: K;
  icon: ReactNode;
  /** Where in the menu: what one works on, how it goes, what keeps it running. */
  section: "work" | "insight" | "manage";
  order: number;
  permission?: string;
  /** Other places that belong to it: it is marked there, too. */
  also?: readonly string[];
}
export interface Command<K extends string> {
  id: string;
  label: K;
  to: string;
  permission?: string;
}
export interface Shortcut<K extends string> {
  /** "g c": one key after the other, outside of fields. */
  keys: string;
  label: K;
  to: string;
  permission?: string;
}
export interface HomeModule<K extends string> {
  id: string;
  title: K;
  load: () => Promise<{ default: ComponentType }>;
  size: "third" | "half" | "full";
  /** Lower comes first, until the person moved it. */
  order: number;
  permission?: string;
  /** Roles whose home shows it without being asked; empty: all. */
  roles?: readonly string[];
}
export interface Feature<K extends string = string> {
  name: string;
  words: Words<K>;
  routes: readonly FeatureRoute[];
  menu: readonly MenuItem<K>[];
  commands?: readonly Command<K>[];
  shortcuts?: readonly Shortcut<K>[];
  homeModules?: readonly HomeModule<K>[];
}

/** Declare a feature; its labels must be words of its own dictionary. */
export const feature = <K extends string>(declared: Feature<K>): Feature => declared as unknown as Feature;

/** Whether one is at a menu item: at its place, below it, or at another one that belongs to it. */
export const isAt = ({ to, also = [] }: { to: string; also?: readonly string[] }, path: string): boolean =>
  [to, ...also].some((place) => path === place || (place !== "/" && path.startsWith(`${place}/`)));
