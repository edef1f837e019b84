import { CustomerServiceOutlined } from "@ant-design/icons";
import { feature } from "@/app/feature";
import { ticketMenuWords } from "./words";

const read = "ticketing.ticket.read";
const create = "ticketing.ticket.create";

export const tickets = feature({
  name: "tickets",
  words: ticketMenuWords,
  routes: [
    { path: "/tickets", load: () => import("./List"), permission: read },
    { path: "/tickets/new", load: () => import("./NewTicket"), permission: create },
    { path: "/tickets/:ticketId", load: () => import("./TicketPage"), permission: read },
    { path: "/pop", load: () => import("./Pop"), permission: "customer.customer.read" },
  ],
  menu: [{ to: "/tickets", label: "tickets", icon: <CustomerServiceOutlined />, section: "work", order: 40, permission: read, also: ["/pop"] }],
  commands: [
    { id: "ticket.new", label: "new_ticket", to: "/tickets/new", permission: create },
    { id: "ticket.pop", label: "pop", to: "/pop", permission: "customer.customer.read" },
  ],
  shortcuts: [{ keys: "g t", label: "tickets", to: "/tickets", permission: read }],
  homeModules: [{ id: "my-queue", title: "my_queue", load: () => import("./MyQueue"), size: "full", order: 10, permission: read, roles: ["agent", "agent_supervisor"] }],
});
