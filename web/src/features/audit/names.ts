/**
 * What happened, to which field, and why an undo leaves it, in Chinese. English is read off the names themselves. Every event, field and reason that
 * the audit can show is here: tests/architecture/test_words.py names what is missing, and what is here for nothing.
 */

/** By the event's name. */
export const eventsInChinese: Readonly<Record<string, string>> = {
  AccountSharingSuspected: "疑似共用账号", ActivityLogged: "活动已登记", ActivityRetracted: "活动已撤回", AgentAvailabilitySet: "人员在岗状态已设定", AgentProfiled: "人员技能已设定", AmountRevised: "金额已修改",
  ApiClientRegistered: "接口客户端已登记", ApiClientRevoked: "接口客户端已吊销", ApiClientRotated: "接口客户端密钥已更换",
  ApprovalDelegated: "审批已转交", ApprovalFlowDefined: "审批流程已定义", ApprovalGranted: "审批已通过", ApprovalRejected: "审批已驳回", ApprovalRequested: "审批已申请", ApprovalReturned: "审批已退回", ApprovalStepReached: "审批已到达下一步", ApprovalWithdrawn: "审批已撤回",
  AssignmentRulesDefined: "分配规则已定义", CalendarDefined: "工作日历已定义",
  CampaignCostBooked: "活动费用已入账", CampaignEnded: "营销活动已结束", CampaignHandedOver: "营销活动已移交", CampaignLaunched: "营销活动已启动", CampaignPlanned: "营销活动已策划", CampaignRevised: "营销活动已修改",
  CarePolicySet: "客户维护规则已设定", CategoryDefined: "产品类别已定义", ComplaintConfirmed: "投诉已确认", ComplaintFollowedUp: "投诉已回访", ConsentGiven: "同意已登记", ConsentWithdrawn: "同意已撤回",
  ContactAdded: "联系人已添加", ContactPolicySet: "联系频率规则已设定", ContactRemoved: "联系人已移除", ContactRevised: "联系人已修改",
  ContractApproved: "合同已批准", ContractDrawnUp: "合同已拟定", ContractExpiryNear: "合同即将到期", ContractFileAttached: "合同文件已附上", ContractNumberIssued: "合同编号已生成", ContractPolicySet: "合同规则已设定", ContractRevised: "合同已修改", ContractSigned: "合同已签署", ContractSubmitted: "合同已提交", ContractTerminated: "合同已终止", ContractTransferred: "合同已转移", ContractTurnedDown: "合同未获批准",
  CouponIssued: "优惠券已发放",
  CustomerAbsorbed: "客户已并入", CustomerArchived: "客户已归档", CustomerGroupDeleted: "客户分组已删除", CustomerGroupSaved: "客户分组已保存", CustomerImportReverted: "客户导入已撤销", CustomerNeglected: "客户久未联系", CustomerRegistered: "客户已登记", CustomerReleased: "客户已拆出", CustomerReplied: "客户已回复", CustomerRestored: "客户已恢复", CustomerRevised: "客户已修改", CustomerStatusChanged: "客户状态已变更", CustomerWentSilent: "客户已沉默", CustomersImported: "客户已导入", CustomersMerged: "客户已合并", CustomersShared: "客户已共享", CustomersUnmerged: "客户合并已撤销",
  DiscountPolicySet: "折扣规则已设定", ErasureCompleted: "遗忘已完成", ErasureOverdue: "遗忘已超时", ErasureRequested: "遗忘已申请", ErasureStepDone: "遗忘步骤已完成", ExpectedCloseMoved: "预计成交日已变更",
  FollowUpCancelled: "跟进已取消", FollowUpDone: "跟进已完成", FollowUpDue: "跟进已到期", FollowUpHandedOver: "跟进已移交", FollowUpMoved: "跟进已改期", FollowUpPlanned: "跟进已安排",
  FormDrafted: "表单已起草", FormHandedOver: "表单已移交", FormPublished: "表单已发布", FormRevised: "表单已修改", FormSubmitted: "表单已提交", FormWithdrawn: "表单已下线",
  HandoverAsked: "交接已发起", HandoverCompleted: "交接已完成", HandoverOrdered: "交接已下达", HandoverOverdue: "交接已超时", HandoverStepDone: "交接步骤已完成", IdentitySwitched: "身份已切换",
  JourneyActivated: "旅程已启用", JourneyDefined: "旅程已定义", JourneyEntered: "已进入旅程", JourneyHandedOver: "旅程已移交", JourneyLeft: "已离开旅程", JourneyPaused: "旅程已暂停", JourneyRevised: "旅程已修改", JourneySignalHeard: "旅程已收到信号", JourneyStepAwaited: "旅程等待下一步", JourneyStepTaken: "旅程步骤已执行",
  KeyAccountGoalClosed: "大客户目标已结束", KeyAccountGoalSet: "大客户目标已设定", KeyAccountMemberAdded: "大客户团队成员已添加", KeyAccountMemberRemoved: "大客户团队成员已移除", KeyAccountTeamDissolved: "大客户团队已解散", KeyAccountTeamFormed: "大客户团队已组建",
  LeadAssigned: "线索已分配", LeadBehaviourObserved: "线索行为已记录", LeadCaptured: "线索已获取", LeadCheckedAgainstCustomers: "线索已与客户比对", LeadClaimed: "线索已领取", LeadContacted: "线索已联系", LeadConverted: "线索已转化", LeadCorrected: "线索已更正", LeadDisqualified: "线索已判为无效", LeadDuplicatesFound: "发现重复线索", LeadForgotten: "线索已遗忘", LeadNextStepPlanned: "线索下一步已安排", LeadNurtured: "线索转入培育", LeadPoolPolicySet: "线索池规则已设定", LeadQualified: "线索已确认有效", LeadQueued: "线索已排队", LeadRecycled: "线索已回收", LeadReplyOverdue: "线索回复已超时", LeadReturned: "线索已退回", LeadScored: "线索已评分", LeadStatusChanged: "线索状态已变更", LeadStatusesDefined: "线索状态已定义", LeadTakenBack: "线索已撤回", LeadTouchedAgain: "线索再次接触",
  LevelChanged: "等级已变更", LevelRulesSet: "等级规则已设定", MailingCancelled: "群发已取消", MailingHandedOver: "群发已移交", MailingLaunched: "群发已启动", MailingPlanned: "群发已计划", MailingQueued: "群发已排队",
  MessageAttempted: "消息已尝试发送", MessageBounced: "消息被退回", MessageClicked: "消息链接被点击", MessageDeferred: "消息已延后", MessageDelivered: "消息已送达", MessageDispatched: "消息已发出", MessageFailed: "消息发送失败", MessageOpened: "消息已打开", MessageOutcomeLost: "消息结果未知", MessagePlanned: "消息已计划", MessageQueued: "消息已排队", MessageRead: "消息已读", MessageRequeued: "消息重新排队", MessageRetried: "消息已重试", MessageScheduled: "消息已定时", MessageSent: "消息已发送", MessageWithheld: "消息未发送",
  NextStepPlanned: "下一步已安排", NextStepTaken: "下一步已完成", OpinionGiven: "审批意见已提交",
  OpportunityAdvanced: "商机已推进", OpportunityContactsChosen: "商机联系人已选定", OpportunityCustomerNamed: "商机客户已指定", OpportunityGotStuck: "商机已停滞", OpportunityLost: "商机已输单", OpportunityOpened: "商机已创建", OpportunityProductsChosen: "商机产品已选定", OpportunityReopened: "商机已重新开启", OpportunityRetitled: "商机名称已修改", OpportunityStageSetBack: "商机阶段已退回", OpportunityTakenBack: "商机已撤回", OpportunityTransferred: "商机已转移", OpportunityWon: "商机已赢单",
  OrderApproved: "订单已批准", OrderCancelled: "订单已取消", OrderConfirmed: "订单已确认", OrderCosted: "订单成本已核算", OrderDelivered: "订单已交付", OrderPlaced: "订单已下达", OrderShipped: "订单已发货", OrderSubmitted: "订单已提交", OrderTransferred: "订单已转移", OrderTurnedDown: "订单未获批准", OwnerChanged: "负责人已变更",
  ParkedRetried: "搁置内容已重试", ParkedSetAside: "搁置内容已略过", PasswordChanged: "密码已更改", PaymentReceived: "回款已收到",
  PersonJoined: "人员已加入", PersonLeft: "人员已离职", PersonMoved: "人员已调动", PersonPurged: "个人数据已清除", PersonReturned: "人员已恢复", PersonRevised: "人员信息已修改",
  PipelineDefined: "销售流程已定义", PipelineRetired: "销售流程已停用", PipelineRevised: "销售流程已修改", PreferencesSet: "通知偏好已设定", PriceListDefined: "价格表已定义", PrimaryContactChanged: "主要联系人已变更", ProbabilityRevised: "赢单率已修改",
  ProductCostSet: "产品成本已设定", ProductListed: "产品已上架", ProductRevised: "产品已修改", ProductWithdrawn: "产品已下架", ProviderLinked: "外部登录已绑定", ProviderUnlinked: "外部登录已解绑", PurgeAsked: "清除已发起", QueueDefined: "队列已定义",
  QuoteAccepted: "报价已接受", QuoteApproved: "报价已批准", QuoteDeclined: "报价被拒绝", QuoteDrafted: "报价已起草", QuoteExpired: "报价已过期", QuoteRevised: "报价已修改", QuoteSent: "报价已发送", QuoteSubmitted: "报价已提交", QuoteTransferred: "报价已转移", QuoteTurnedDown: "报价未获批准",
  ReceivableOverdue: "应收款已逾期", ReceivablePlanned: "应收款已计划", ReceivableSettled: "应收款已结清", ReceivableWrittenOff: "应收款已核销", RecordsHandedOver: "记录已移交", RecoveryCodeUsed: "恢复码已使用", Resubscribed: "已重新订阅", RetentionApproved: "到期遗忘已批准", RetentionDue: "保留期已满", RetentionPolicySet: "保留规则已设定",
  RoleDefined: "角色已定义", RoleGranted: "角色已授予", RoleRetired: "角色已停用", RoleRevised: "角色已修改", RoleWithdrawn: "角色已收回", RootCauseRecorded: "根本原因已记录", ScheduleCancelled: "定时发送已取消", ScoringRulesDefined: "评分规则已定义", SecondFactorEnrolled: "二次验证已启用", SecondFactorRemoved: "二次验证已移除",
  SegmentDefined: "分群已定义", SegmentHandedOver: "分群已移交", SegmentRetired: "分群已停用", SegmentRevised: "分群已修改", SessionClosed: "会话已结束", SessionOpened: "会话已开始", ShareEnded: "共享已结束", SignInPolicySet: "登录规则已设定",
  SlaBreachWithdrawn: "SLA 超时已撤销", SlaBreached: "SLA 已超时", SlaClockPaused: "SLA 计时已暂停", SlaClockResumed: "SLA 计时已恢复", SlaClockStarted: "SLA 计时已开始", SlaClockStopped: "SLA 计时已停止", SlaPolicyDefined: "SLA 策略已定义", SlaWarned: "SLA 已预警",
  SurveyAnswered: "问卷已回答", SurveyRulesDefined: "问卷规则已定义", SurveySent: "问卷已发送", TagsChanged: "标签已变更", TeamDissolved: "团队已解散", TeamFormed: "团队已组建", TeamManagerAppointed: "团队负责人已任命", TeamMoved: "团队已调整上级", TeamRenamed: "团队已改名",
  TemplateDrafted: "模板已起草", TemplateHandedOver: "模板已移交", TemplateRetired: "模板已停用", TemplateRevised: "模板已修改",
  TicketAssigned: "工单已分配", TicketClosed: "工单已关闭", TicketEscalated: "工单已升级", TicketHandedOver: "工单已转交", TicketImported: "工单已导入", TicketNoted: "工单备注已添加", TicketOpened: "工单已创建", TicketPutOnHold: "工单等待客户", TicketRecategorised: "工单类别已修改", TicketReopened: "工单已重新打开", TicketReprioritised: "工单优先级已修改", TicketRequesterIdentified: "工单请求人已确认", TicketResolved: "工单已解决", TicketResponded: "工单已答复", TicketResumed: "工单继续处理", TicketStepRecorded: "工单步骤已记录", TicketWithdrawn: "工单已撤回",
  TouchRecorded: "营销接触已记录", Unsubscribed: "已退订", VoucherRulesSet: "凭证保存规则已设定", WebhookPaused: "推送已暂停", WebhookRegistered: "推送已登记", WebhookRemoved: "推送已删除", WebhookResumed: "推送已恢复", WebhookRevised: "推送已修改", WebhookSecretRotated: "推送密钥已更换",
};

/** By the field's name as it is shown: without from_, to_ and _id. */
export const fieldsInChinese: Readonly<Record<string, string>> = {
  about: "关于", absent_from: "缺勤开始", absent_until: "缺勤结束", absorbed: "被并入的客户", accountable: "责任人", active: "是否启用", activities: "活动", activity: "活动", added: "新增", added_tags: "新增标签", address: "地址", addresses: "地址", after_days: "天数之后", after_deals: "之后的商机", after_months: "月数之后", after_s: "秒数之后", after_tickets: "之后的工单",
  agent: "处理人", allocations: "分摊", amount: "金额", annual_revenue: "年营业额", answer: "回答", answers: "回答", approval: "审批", approver: "审批人", approver_ids: "审批人", archived: "是否归档", assignee: "处理人", attachments: "附件", attempt: "尝试次数", attributes: "属性", automatic: "自动", available: "是否在岗",
  batch: "批次", behaviour: "行为", behaviours: "行为", booked_on: "入账日期", budget: "预算", by_person: "操作人", calendar: "日历", campaign: "营销活动", capacity: "容量", carrier: "承运商", categories: "类别", category: "类别", cause: "原因", cause_code: "原因分类", cause_event: "起因事件", caused_by: "起因", channel: "渠道", choices: "选择", client: "接口客户端", clock: "计时", close_resolved_after_s: "解决后自动关闭（秒）", closes_at: "关闭时间", code: "代码", comment: "评语", company: "公司", competitor: "竞争对手", complaint: "是否投诉", conclusion: "结论",
  consent_given: "已同意", consent_required: "须经同意", consumer: "处理方", contact: "联系人", contact_ids: "联系人", contact_intervals: "联系间隔", content: "内容", context: "模块", context_done: "已完成模块", contexts: "模块", contract: "合同", cost: "成本", cost_exact: "精确成本", counter: "计数器", coupon: "优惠券", credit_code: "统一社会信用代码", currency_code: "币种", custom_fields: "自定义字段", customer: "客户", customer_ids: "客户",
  data_scope: "数据范围", data_subject: "数据主体", days: "天数", days_left: "剩余天数", decision: "决定", decision_role: "决策角色", default_level: "默认等级", delivered_on: "交付日期", delivery: "交付", department: "部门", description: "描述", destroyed_generations: "已销毁的密钥代次", device: "设备", discount_basis_points: "折扣（万分比）", document: "文件", done_at: "完成时间", due_at: "到期时间", due_on: "到期日", duty: "职责",
  email: "邮箱", emails: "邮箱", employees: "员工人数", ended: "是否结束", ended_on: "结束日期", ends_at: "结束时间", ends_on: "结束日期", entered_at: "进入时间", entries: "条目", erasure: "遗忘", escalation: "升级", exceptions: "例外", expected_close_on: "预计成交日", expected_leads: "预期线索数", expires_at: "失效时间", expires_on: "失效日期", expiry_warning_days: "到期提醒天数", external_ref: "外部编号",
  fallback: "兜底", fallback_approver: "兜底审批人", fallback_owner: "兜底负责人", fallback_queue: "兜底队列", field_classes: "字段类别", field_rules: "字段规则", fields: "字段", file: "文件", files: "文件", filter_json: "筛选条件", final: "是否最终", first: "是否首个", first_touch_at: "首次接触时间", fiscal_year_begins: "财年起始月", flow: "审批流程", flow_version: "流程版本", follow_up: "跟进", follow_up_ticket: "回访工单", form: "表单",
  goal: "目标", grantee: "被授权人", group: "分组", handover: "交接", happened_at: "发生时间", high_intent: "高意向", high_intent_threshold: "高意向门槛", historic: "历史记录", hourly_limit: "每小时上限", html_body: "网页正文", idle_days: "闲置天数", import: "导入", inbound: "是否来电", industry_code: "行业", inferred: "是否推断", intent_code: "意向", is_default: "是否默认", is_primary: "是否主要", is_team: "是否团队",
  journey: "旅程", journey_version: "旅程版本", keep_watching: "持续移交", kept: "保留", key_account: "大客户", keys_destroyed: "已销毁密钥数", kind: "类型", kinds: "类型", language: "语言", last: "是否最后", last_contact_at: "最近联系时间", last_order_at: "最近下单时间", lead: "线索", lead_months: "线索保留月数", leads: "线索", leaver: "离职人员", left: "剩余", level: "等级", limit_basis_points: "上限（万分比）", lines: "明细", link_number: "链接序号", link_tag: "链接标签", links: "链接", list_price: "标价", login: "登录名", look: "外观", low: "低分", low_up_to: "低分上限",
  made_up_as_weekday: "按工作日补班", mailing: "群发", manager: "负责人", matched_on: "匹配依据", matches: "匹配结果", max_age_days: "最长天数", member: "成员", message: "消息", message_ref: "消息编号", met: "是否达成", method: "方式", min_amount: "最低金额", min_discount_basis_points: "最低折扣（万分比）", minimum_fill_s: "最短填写秒数", missing_contexts: "未应答模块", most_addresses: "地址上限", most_messages: "消息上限", moved: "已移交", must_change: "须更改密码",
  name: "名称", net_exact: "精确净额", net_total: "净额合计", next_at: "下次时间", next_step: "下一步", nodes: "节点", norm_days: "标准时长（天）", not_before: "最早时间", note: "备注", number: "编号", number_pattern: "编号规则", of_context: "来源模块", older_valid_until: "旧密钥有效期", on: "日期", on_behalf_of: "代表", opinion: "意见", opportunity: "商机", order: "订单", other_session_ids: "其他会话", outcome: "结果", outstanding: "未结金额", owner: "负责人",
  parent_category: "上级类别", parent_team: "上级团队", parking: "搁置区", parties: "签约方", payment: "回款", people: "人员", permissions: "权限", person: "人员", person_ids: "人员", person_months: "个人数据保留月数", person_name: "姓名", phone: "电话", phones: "电话", pinned: "是否固定", pipeline: "销售流程", placed_on: "下单日期", policy: "规则", policy_version: "规则版本", pool_assign_after_days: "线索池自动分配天数", position: "位置", preset: "系统预置", price_list: "价格表", priority: "优先级", priority_rules: "优先级规则", probability: "赢单率", product: "产品", product_ids: "产品", product_interest: "感兴趣的产品", project: "项目", provider: "登录方式", public_key: "公钥", purpose: "用途",
  queue: "队列", queues: "队列", quiet_from_minute: "免打扰开始（分钟）", quiet_to_minute: "免打扰结束（分钟）", quote: "报价", reached: "已到达", reads_days: "查看记录保留天数", reason: "原因", reasons: "原因", receivable: "应收款", received_on: "到账日期", recipient: "收件人", recipient_kind: "收件人类型", recipients: "收件人", record_ids: "记录", recycle_after_days: "回收天数", reentry: "再次进入", reference: "参考号", region_code: "地区", related_ids: "关联编号", related_ticket: "关联工单", remaining_s: "剩余秒数", remark: "备注", remedy: "改进措施", remembered: "记住的旧密码", removed: "已移除", removed_tags: "移除标签", replaced: "被替换", reply_after_days: "回复期限（天）", reply_code: "回复代码", request_ref: "申请编号", requested_by: "申请人", requester: "请求人", requester_months: "请求人保留月数", requesters: "请求人", resolution_code: "处理结果", responder: "答复人", restored: "已恢复", result: "结果", retry_at: "重试时间", reverts_import: "撤销的导入", role: "角色", round: "轮次", rows: "行数", rule: "规则", rule_set: "规则集", rule_set_version: "规则集版本", rules: "规则", run: "执行",
  satisfied: "是否满意", score: "评分", searched: "检索范围", second_factor_roles: "须二次验证的角色", segment: "分群", send: "发送", send_at: "发送时间", sender_months: "发件人保留月数", senders: "发件人", sequence: "序号", session: "会话", settings: "设置", settled_on: "结清日期", share: "共享", shared: "共享内容", shared_by: "共享人", shipped_on: "发货日期", signature: "签名", signed_on: "签署日期", silent_after_months: "沉默月数", simulated: "模拟", size_code: "规模", skills: "技能", sku: "产品编码", smtp_message: "邮件编号", solution: "解决办法", source: "来源", source_channel: "来源渠道", special_days: "特殊日期", stage: "阶段", stages: "阶段", starts_on: "开始日期", status: "状态", statuses: "状态", step: "步骤", steps: "步骤", stream: "记录", streams: "记录", subject: "主题", subject_ids: "对象", subject_kind: "对象类型", subject_line: "邮件主题", subject_version: "对象版本", submission: "表单提交", suggested_content: "建议内容", supervisor: "主管", survey: "问卷", survey_rules: "问卷规则", survivor: "保留的客户",
  target_s: "目标秒数", targets: "目标", tax_basis_points: "税率（万分比）", tax_total: "税额合计", team: "团队", template: "模板", template_version: "模板版本", test_address: "测试地址", text: "文字", text_body: "正文", thank_you: "致谢页", ticket: "工单", timer_key: "定时编号", timers: "定时", timezone: "时区", title: "标题", token: "令牌", total: "合计", touch: "接触", touched_at: "接触时间", tracking_number: "运单号", trigger: "触发条件", trigger_ref: "触发来源", types: "事件类型", unallocated: "未分摊金额", unit: "单位", unit_cost: "单位成本", until: "截止", url: "网址", utm: "来源参数", valid_from: "生效日期", valid_until: "有效期至", value: "值", variables: "变量", version: "版本", via: "途径", visitor: "访客", warn_at: "预警时间", warn_at_percent: "预警百分比", warn_before_s: "提前预警秒数", webhook: "推送", website: "网站", weekly: "每周安排", window_days: "窗口天数", wording: "同意文本", year: "年份",
};

/** By the code of the reason why an undo leaves something as it is; {names} are filled in. English is what the service says. */
export const reasonsInChinese: Readonly<Record<string, string>> = {
  absorbed_another: "它已并入其他客户：请先拆分",
  absorbed_since: "之后并入了其他客户",
  activities_since: "之后又登记了活动",
  answer_is_his: "回答内容由本人决定",
  approval_decided: "审批结论会保留，且他人已据此行动：请重新申请审批",
  approval_went_on: "之后已进入下一步",
  approval_withdrawn: "已撤回的审批需重新提交",
  archived_since: "之后已归档",
  campaign_began: "活动已公开开始：如有需要，请结束它",
  campaign_ended: "已结束的活动不会重新开始：请另行策划",
  category_in_use: "类别中可能有产品：请重新命名",
  changed_since: "之后又被 {who} 在 {at} 修改",
  client_by_hand: "程序的权限由人工决定：请更换或吊销其密钥",
  client_revoked: "已吊销的客户端需手工重新登记",
  clocks_ran: "SLA 已据此计时：如有需要，请重新设定",
  consent_is_his: "同意只能由本人给出或撤回：请征询本人",
  consents_went_with_him: "其同意已随联系人移除，只能由本人重新给出：请添加联系人并征询",
  contact_removed: "该联系人之后已被移除",
  contract_file: "文件随合同保留：请附上正确的文件",
  contract_number: "编号必须连续：编号随合同保留",
  contract_signed: "已签署的合同约束双方：如有需要，请终止合同",
  contract_terminated: "已终止的合同不再有效：请另行拟定",
  cost_unknown: "此前没有该日起的成本：请重新设定",
  costs_booked: "已有费用入账：如有需要，请结束活动",
  customer_answered: "已答复客户：如有需要，请关闭工单",
  customer_said_so: "这是客户的答复，只有客户能改变：请修改报价或另行报价",
  deal_closed: "赢单或输单后他人会立即行动：如有需要，请重新开启",
  deal_has: "{what} 依附于它：请先处理，或将商机输单",
  deal_reopened: "商机重新开启后他人会立即行动：请注明原因后赢单或输单",
  draft_lets_nobody_in: "草稿不会让任何人进入：可保留或继续编辑",
  draft_unseen: "草稿无人可见：可保留或继续编辑",
  enter_anew: "已撤销的内容需重新录入",
  follow_up_called_off: "已取消的跟进需重新安排",
  follow_up_done: "已完成的无法撤销：请另行安排跟进",
  handed_over: "记录已移交给接手人：请交还给应负责的人",
  import_anew: "已撤销的内容需重新导入",
  import_as_a_whole: "导入需整体撤销：请在“原因”中选择“一次导入”",
  import_changed_since: "导入之后又被修改",
  in_others_care: "现由他人负责",
  instalment_owed: "约定的分期款项应予支付：请注明原因后核销",
  journey_left: "撤销不会让人继续旅程：如有需要，请重新加入",
  journey_lets_in: "会立即让其他人进入：请先暂停旅程",
  journey_paused: "恢复后会重新发出消息：如有需要，请启用旅程",
  later_stays: "之后的变更需要保留",
  lead_closed: "已关闭的线索不会恢复：请重新录入",
  lead_converted: "转化出的客户与商机是独立记录：请重新录入线索",
  lead_judged: "线索判断在作出新判断前有效：请确认、培育或判为无效",
  loss_booked: "已核销的损失保持入账：如后来收到款项，请登记回款",
  mailing_cancelled: "撤销不会导致发送：请另行计划群发",
  mailing_on_its_way: "消息已在发送：请取消群发，以停止尚未发出的部分",
  merged_away: "之后已并入其他客户",
  message_may_have_left: "消息可能已发出：请在等待期间取消",
  message_was_to_leave: "待发出的消息无法召回：请取消该群发，以停止尚未发出的部分",
  next_step: "下一步只是备注：请另行安排",
  no_customer_named: "此前未指定客户：请指定另一客户",
  no_queue_before: "此前不在任何队列：请分配给某人",
  nobody_had_it: "此前无人负责：请指定负责人",
  nobody_looked_after_it: "此前无人负责：请指定负责人",
  nobody_named: "此前未指定人员：请指定他人",
  nobody_was_to_do_it: "此前未指定执行人：请指定执行人",
  not_foreseen: "这类变更无法撤销",
  observed: "行为已被观察记录，予以保留",
  one_default: "必须有一个默认销售流程：请将另一个设为默认",
  open_anew: "已撤销的工单需重新开立",
  order_cancelled: "订单取消会立即通知各方：请重新下单",
  order_confirmed: "订单确认后他人会立即执行：如有需要，请取消订单",
  order_delivered: "已交付给客户",
  order_money_moved: "已有回款或核销：请先处理款项，再取消订单",
  order_shipped: "货物已发出",
  parked_left_out: "已略过的内容不再投递：请手工补录缺失部分",
  parked_went_on: "搁置的内容已继续处理：请撤销它引发的变更",
  payment_booked: "已收款项保持入账：请办理退款",
  people_by_hand: "谁可登录由人工决定：请在人员中调整",
  person_forgotten: "原值属于已被遗忘的人",
  pipeline_gone: "其销售流程已不存在",
  pipeline_retired: "已停用的销售流程不会恢复：请另行定义",
  preferences_are_his: "通知偏好由本人决定：请本人重新设置",
  primary_contact_gone: "原主要联系人已不存在",
  product_withdrawn: "已下架的产品不会恢复：请以新编号上架",
  promise_holds: "已作出的承诺在到期前一直有效",
  question_asked: "已发出的问题无法收回",
  queue_in_use: "可能有工单在其中等待：请直接定义为所需的样子",
  quote_draft: "草稿不具约束力：可保留或修改",
  quote_sent: "报价已发出：请发送修订版",
  read_is_a_fact: "已读是既成事实",
  retracted: "已撤回的活动需重新登记",
  rights_by_hand: "撤销不会授予或收回权限：请手工授予或收回角色",
  role_retired: "已停用的角色需手工重新定义",
  roles_decide: "操作权限由角色决定：请手工调整",
  rule: "不符合该记录的规则（{rule}）",
  said: "已说的话无法收回",
  schedule_anew: "撤销不会导致发送：请重新定时",
  segment_retired: "已停用的分群不会恢复：请另行定义",
  sent_is_his: "提交的内容属于本人：如本人要求，请遗忘此人",
  share_ended: "撤销不会让外部人员重新获得访问：请重新共享",
  sign_in_is_his: "登录方式属于本人：请由本人或协助者重新设置",
  sign_in_policy_by_hand: "人员按此规则登录：请手工调整",
  signed_in: "登录与退出是既成事实",
  stages_in_use: "新增阶段中可能有商机：请先移走商机，再修改流程",
  status_since: "之后状态已变更",
  stays_forgotten: "已被遗忘的人不会恢复",
  taken_back_before: "此前已撤销",
  team_by_hand: "团队中可能有成员：请手工解散",
  team_dissolved: "已解散的团队需手工重新组建",
  team_went_with_it: "成员与目标已随之解散：请重新组建",
  teams_decide: "可见范围由团队决定：请手工调整",
  template_retired: "已停用的模板不会恢复：请另行起草",
  ticket_acted_on: "客户与 SLA 计时已据此变化：如有需要，请重新打开或关闭",
  tickets_judged_by_it: "工单按此评判：请直接定义为所需的样子",
  told_somebody: "已告知的内容无法收回：请告知现在的情况",
  two_customers: "涉及两个客户：请拆分或合并它们，即可一次全部撤回",
  was_in_pool: "此前在线索池中：请注明原因后退回",
  was_no_draft: "之前并非草稿：请写入原内容并重新提交",
  webhook_paused: "请恢复推送：内容不会丢失",
  webhook_removed: "密钥与投递日志已删除：请另行登记",
  webhook_resumed: "已告知合作方的内容无法收回：请暂停推送",
  webhook_revised: "已告知合作方的内容无法收回：请再次修改",
  webhook_secret_seen: "已被看到的密钥不可再用：请再次更换",
  webhook_told: "已告知合作方的内容无法收回：请移除该 Webhook",
  wish_is_his: "接收意愿由本人决定：请征询本人",
  written_down: "已说或已写下的内容无法收回",
};

const plain = (type: string): string => type.split(".").pop() ?? type;

/** "crm.pipeline.v1.OpportunityStageSetBack" -> "Opportunity stage set back", "商机阶段已退回". */
export function eventName(type: string, language: "zh" | "en"): string {
  const name = plain(type);
  if (language === "zh" && eventsInChinese[name]) return eventsInChinese[name];
  const split = name.replace(/([a-z0-9])([A-Z])/g, "$1 $2").toLowerCase();
  return split.charAt(0).toUpperCase() + split.slice(1);
}

/** "contact[6f…].expected_close_on" -> "contact: expected close on", "联系人：预计成交日". */
export function fieldName(field: string, language: "zh" | "en"): string {
  const parts = field.replace(/\[[0-9a-f-]{36}\]/g, "").split(".").map((part) => part.replace(/_id$/, ""));
  return language === "zh"
    ? parts.map((part) => fieldsInChinese[part] ?? part.replaceAll("_", " ")).join("：")
    : parts.map((part) => part.replaceAll("_", " ")).join(": ");
}

/** A reason as the services tell it: in English words, and as codes with values, the nearest first. */
export interface Told {
  readonly reason: string;
  readonly because: readonly { readonly code: string; readonly values?: Readonly<Record<string, string>> }[];
}

/** "only he gives and withdraws his consents: ask him", "同意只能由本人给出或撤回：请征询本人". `say` words a value. */
export function reasonText({ reason, because }: Told, language: "zh" | "en", say: (name: string, value: string) => string = (_, value) => value): string {
  if (language === "en" || !because.length || because.some((each) => !reasonsInChinese[each.code])) return reason;
  return because.map(({ code, values = {} }) => (reasonsInChinese[code] ?? "").replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? say(name, values[name] ?? "") : whole))).join("：");
}
