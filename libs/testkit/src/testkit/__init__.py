"""What tests share: servers, databases, brokers, callers and waits. Never used by the product."""

from testkit.callers import a_call, a_caller, a_token, signing_key
from testkit.databases import Database
from testkit.naming import a_name
from testkit.servers import Servers
from testkit.waiting import wait_until

__all__ = ["Database", "Servers", "a_call", "a_caller", "a_name", "a_token", "signing_key", "wait_until"]
