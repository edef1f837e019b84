"""What tests share: servers, databases, brokers and waits. Never imported by the product."""

from testkit.databases import Database
from testkit.servers import Servers
from testkit.waiting import wait_until

__all__ = ["Database", "Servers", "wait_until"]
