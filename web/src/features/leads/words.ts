/** What the menu says of leads; the pages' own words are in leadWords.ts. */
import { words } from "@/i18n/words";

export const leadsMenuWords = words(
  { leads: "Leads", new_lead: "New lead", pool: "Lead pool", import_leads: "Import leads", my_new_leads: "New leads for me" },
  { leads: "线索", new_lead: "新建线索", pool: "线索池", import_leads: "导入线索", my_new_leads: "我的新线索" },
);
