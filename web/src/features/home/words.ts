import { words } from "@/i18n/words";

export const homeWords = words(
  { home: "Home", good_morning: "Good morning, {name}", good_day: "Hello, {name}", good_evening: "Good evening, {name}", nothing: "Nothing to show yet", nothing_text: "Your roles have no modules for the start page." },
  { home: "首页", good_morning: "早上好，{name}", good_day: "您好，{name}", good_evening: "晚上好，{name}", nothing: "暂无内容", nothing_text: "您的角色暂无首页模块。" },
);
