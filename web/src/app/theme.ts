/** The look: one accent, quiet greys with a hint of it, and the same radius everywhere. styles.css holds the same values. */
import type { ThemeConfig } from "antd";

const font =
  'Inter, ui-sans-serif, system-ui, -apple-system, "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "WenQuanYi Micro Hei", sans-serif';
const shared = { fontFamily: font, fontSize: 14, borderRadius: 7, controlHeight: 34, wireframe: false, motionDurationMid: "0.12s", motionDurationSlow: "0.18s" };

export const light: ThemeConfig = {
  token: {
    ...shared,
    colorPrimary: "#0f6b78",
    colorLink: "#0b5f6b",
    colorInfo: "#0f6b78",
    colorSuccess: "#177344",
    colorWarning: "#a15c07",
    colorError: "#b3261e",
    colorText: "#14242a",
    colorTextSecondary: "#4e6067",
    colorTextTertiary: "#5f7178",
    colorTextDescription: "#54666d",
    colorTextPlaceholder: "#61727a",
    colorBgLayout: "#f6f8f8",
    colorBgContainer: "#ffffff",
    colorBorder: "#cfd9dc",
    colorBorderSecondary: "#e5ebed",
    boxShadow: "0 1px 2px rgb(16 36 43 / 5%), 0 8px 24px rgb(16 36 43 / 8%)",
  },
  components: {
    Table: { headerBg: "transparent", headerColor: "#54666d", headerSplitColor: "transparent", rowHoverBg: "#f3f7f8", cellPaddingBlock: 10, cellPaddingBlockSM: 6, headerBorderRadius: 0 },
    Button: { primaryShadow: "none", defaultShadow: "none", fontWeight: 500 },
    Form: { itemMarginBottom: 16, labelColor: "#3c4f56" },
    Modal: { titleFontSize: 17 },
    Tabs: { horizontalItemPadding: "10px 0", horizontalItemGutter: 24 },
    Tag: { defaultBg: "#eef3f4", defaultColor: "#33474e" },
  },
};

export const dark: ThemeConfig = {
  token: {
    ...shared,
    colorPrimary: "#2f9aa9",
    colorLink: "#5cc0cd",
    colorInfo: "#2f9aa9",
    colorSuccess: "#4cb782",
    colorWarning: "#d9a13b",
    colorError: "#f0766b",
    colorText: "#e3ecee",
    colorTextSecondary: "#a5b6bb",
    colorTextTertiary: "#93a5ab",
    colorTextDescription: "#9dafb5",
    colorTextPlaceholder: "#8497a0",
    colorBgLayout: "#0e1518",
    colorBgContainer: "#141d21",
    colorBgElevated: "#1a252a",
    colorBorder: "#34444a",
    colorBorderSecondary: "#243238",
    colorTextLightSolid: "#ffffff",
  },
  components: {
    Table: { headerBg: "transparent", headerColor: "#9dafb5", headerSplitColor: "transparent", rowHoverBg: "#19242a", cellPaddingBlock: 10, cellPaddingBlockSM: 6, headerBorderRadius: 0 },
    Button: { primaryShadow: "none", defaultShadow: "none", fontWeight: 500, colorPrimary: "#1c7c8a", colorPrimaryHover: "#238b9a" },
    Form: { itemMarginBottom: 16, labelColor: "#b7c6ca" },
    Modal: { titleFontSize: 17 },
    Tabs: { horizontalItemPadding: "10px 0", horizontalItemGutter: 24, itemSelectedColor: "#5cc0cd" },
    Badge: { colorError: "#b3342b" },
    Tag: { defaultBg: "#223036", defaultColor: "#c5d3d7" },
  },
};
