/** The features there are. To add one: a folder in src/features and a line here. */
import { administration } from "@/features/administration";
import { analytics } from "@/features/analytics";
import { audit } from "@/features/audit";
import { calendar } from "@/features/calendar";
import { customers } from "@/features/customers";
import { deals } from "@/features/deals";
import { home } from "@/features/home";
import { leads } from "@/features/leads";
import { marketing } from "@/features/marketing";
import { products } from "@/features/products";
import { tickets } from "@/features/tickets";
import { today } from "@/features/today";
import type { Feature } from "./feature";

export const features: readonly Feature[] = [home, today, customers, calendar, leads, deals, products, tickets, analytics, audit, marketing, administration];
