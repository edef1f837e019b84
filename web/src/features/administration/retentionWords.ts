import { words } from "@/i18n/words";

export const retentionWords = words(
  {
    people: "People", vouchers: "Vouchers", part: "What to look at", edit: "Edit", never: "for ever", months: "{count} {count|month|months}", days: "{count} {count|day|days}", years: "{count} {count|year|years}",
    rules: "How long people are kept", rules_text: "Months without any purpose after which somebody is due; nothing happens before somebody approves it. Whoever may approve is told once a day while anybody is due.",
    person_months: "Contacts and private customers", lead_months: "Leads never converted", requester_months: "Requesters of tickets who are no customers", sender_months: "Senders of forms", reads_days: "Record of who was shown what", months_hint: "6 to 240 months; 0: for ever", days_hint: "30 to 3650 days; 0: for ever",
    due: "Due", due_since: "No purpose since", name: "Who", kind: "Known as", pk_contact: "Contact", pk_customer: "Private customer", pk_lead: "Lead", pk_requester: "Requester of a ticket", pk_submission: "Form submission",
    approve: "Approve and forget", approve_title: "Forget {count} people", approve_text: "Their keys are destroyed in every part, five every ten seconds. Whoever is needed again meanwhile is left out. It cannot be taken back.", confirmation: "Type “forget {count} people” to confirm", approved: "They are being forgotten; each gets a certificate under Data protection.", no_due: "Nobody is due", no_due_text: "Nobody's data is kept longer than the rules say.", no_rules_text: "No rule is set: everybody is kept for ever.", no_due_permission: "Who is due is shown only to those who may forget people.", no_vouchers_permission: "Vouchers are shown only to those who may see them.",
    voucher_rules: "How long vouchers are kept", voucher_rules_text: "Years after the end of the fiscal year. Below what the law asks for, name the law that allows it.", legal_basis: "Legal basis", floor: "The law asks for {count} years", begins: "Fiscal years begin in month", source: "Where it stands",
    k_payment: "Payments", k_receivable: "Receivables", k_order: "Confirmed orders", k_contract: "Signed contracts", k_quote: "Accepted quotes",
    package: "Package for the auditor", package_text: "All vouchers of a fiscal year as one signed file: tables, hashes and the sealed checkpoint of the log.", year: "Fiscal year", make: "Download", made: "{count} vouchers. SHA-256 of the manifest: {hash}", every_kind: "All kinds", only_all: "A year's package takes a role that sees all records.",
    clock: "Clock", voucher_kind: "Kind", running: "To be kept", over: "Time is over", number: "Number", dated: "Dated", amount: "Amount", customer: "Customer", may_go: "May go on", ended: "cancelled", unsettled: "kept until settled", no_vouchers: "No vouchers", no_vouchers_text: "Quotes appear when accepted, contracts when signed, orders when confirmed, and money when it is owed or paid.",
  },
  {
    people: "人员", vouchers: "凭证", part: "查看内容", edit: "修改", never: "永久", months: "{count} 个月", days: "{count} 天", years: "{count} 年",
    rules: "个人数据保留期限", rules_text: "超过所设月数没有任何用途即到期；未经批准不会删除。有人到期时，每天提醒一次有权批准的人员。",
    person_months: "联系人与个人客户", lead_months: "未转化的线索", requester_months: "非客户的工单请求人", sender_months: "表单提交人", reads_days: "个人数据查阅记录", months_hint: "6 至 240 个月；0 为永久", days_hint: "30 至 3650 天；0 为永久",
    due: "到期名单", due_since: "最后用途时间", name: "对象", kind: "身份", pk_contact: "联系人", pk_customer: "个人客户", pk_lead: "线索", pk_requester: "工单请求人", pk_submission: "表单提交",
    approve: "批准并遗忘", approve_title: "遗忘 {count} 人", approve_text: "将在所有模块销毁其密钥，每十秒处理五人；期间又有用途的人不会被遗忘。此操作不可撤销。", confirmation: "请输入“forget {count} people”确认", approved: "正在遗忘，每人的证书见“数据保护”。", no_due: "无人到期", no_due_text: "没有超过保留期限的个人数据。", no_rules_text: "尚未设置规则，所有数据永久保留。", no_due_permission: "仅有权遗忘个人的人员可查看到期名单。", no_vouchers_permission: "仅有凭证查看权限的人员可查看。",
    voucher_rules: "凭证保管期限", voucher_rules_text: "自会计年度终了后起算的年数。低于法定年限时须注明法律依据。", legal_basis: "法律依据", floor: "法定 {count} 年", begins: "会计年度起始月份", source: "依据出处",
    k_payment: "收款", k_receivable: "应收款", k_order: "已确认订单", k_contract: "已签合同", k_quote: "已接受报价",
    package: "审计资料包", package_text: "一个会计年度的全部凭证，合为一个签名文件：明细表、校验值与日志封存点。", year: "会计年度", make: "下载", made: "共 {count} 份凭证。清单 SHA-256：{hash}", every_kind: "全部类型", only_all: "下载年度资料包需要可查看全部数据的角色。",
    clock: "保管状态", voucher_kind: "类型", running: "须保管", over: "保管期满", number: "编号", dated: "日期", amount: "金额", customer: "客户", may_go: "可销毁日期", ended: "已取消", unsettled: "未结清，继续保管", no_vouchers: "暂无凭证", no_vouchers_text: "报价被接受、合同签署、订单确认、产生应收或收款后，会出现在这里。",
  },
);
