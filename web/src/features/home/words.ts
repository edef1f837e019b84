import { words } from "@/i18n/words";

export const homeWords = words(
  { home: "Home", good_morning: "Good morning, {name}", good_day: "Hello, {name}", good_evening: "Good evening, {name}", nothing: "Nothing to show yet", nothing_text: "Your roles have no modules for the start page.", nothing_chosen: "Choose what to see with “Arrange”.", arrange: "Arrange", arranged: "Done", add_modules: "Add:", all_shown: "Everything is shown. Move or hide what you like.", as_it_was: "As it was", up: "Move up: {title}", down: "Move down: {title}", hide: "Hide: {title}" },
  { home: "首页", good_morning: "早上好，{name}", good_day: "您好，{name}", good_evening: "晚上好，{name}", nothing: "暂无内容", nothing_text: "您的角色暂无首页模块。", nothing_chosen: "点击“调整”选择要显示的内容。", arrange: "调整", arranged: "完成", add_modules: "添加：", all_shown: "已显示全部模块，可移动或隐藏。", as_it_was: "恢复默认", up: "上移：{title}", down: "下移：{title}", hide: "隐藏：{title}" },
);
