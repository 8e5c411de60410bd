"""The queues that are compared, and how each is set up."""

from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One queue, or one way to use it."""

    name: str
    driver: str
    """A file in `drivers/`."""

    distribution: str
    """What the versions in the table are of."""

    environment: str = ""
    """A file of pinned versions in `requirements/`, or a folder with a package-lock.json; empty: emp's own."""

    server: str = "redis"
    bulk: bool = False
    """Whether it has a call that submits many jobs."""

    priorities: bool = False
    setup: str
    """What the reader of the table must know."""

    @property
    def path(self) -> Path:
        return HERE / "drivers" / self.driver

    @property
    def requirements(self) -> Path:
        return HERE / "requirements" / self.environment


REFERENCE = "bullmq-priorities"
"""The peer that ratios are to."""

PEERS = (
    Peer(
        name="emp",
        driver="emp_driver.py",
        distribution="emp-jobs",
        bulk=True,
        priorities=True,
        setup="`AsyncEmp`, one agent with its beat process, priorities 1-100; keeps everything, as it always does",
    ),
    Peer(
        name="bullmq-priorities",
        driver="bullmq_driver.mjs",
        distribution="bullmq",
        environment="bullmq",
        bulk=True,
        priorities=True,
        setup="`add`, `addBulk`, priorities 1-100, keeps the last 1,000 ended jobs",
    ),
    Peer(
        name="bullmq",
        driver="bullmq_driver.mjs",
        distribution="bullmq",
        environment="bullmq",
        bulk=True,
        setup="the same without priorities",
    ),
    Peer(
        name="arq",
        driver="arq_driver.py",
        distribution="arq",
        environment="arq.txt",
        setup="polls each 10 ms; its default, 500 ms, drains about 200 jobs a second",
    ),
    Peer(name="saq", driver="saq_driver.py", distribution="saq", environment="saq.txt", setup="3 tries a job"),
    Peer(
        name="rq",
        driver="rq_driver.py",
        distribution="rq",
        environment="rq.txt",
        bulk=True,
        setup="`SimpleWorker`: one job at a time, without a fork for each; 3 retries a job",
    ),
    Peer(
        name="dramatiq",
        driver="dramatiq_driver.py",
        distribution="dramatiq",
        environment="dramatiq.txt",
        setup="64 threads, results kept",
    ),
    Peer(
        name="celery",
        driver="celery_driver.py",
        distribution="celery",
        environment="celery.txt",
        setup="64 threads, results kept, `task_acks_late`",
    ),
    Peer(
        name="huey",
        driver="huey_driver.py",
        distribution="huey",
        environment="huey.txt",
        setup="64 threads, results kept; a job leaves Redis when a worker takes it",
    ),
    Peer(
        name="taskiq",
        driver="taskiq_driver.py",
        distribution="taskiq",
        environment="taskiq.txt",
        setup="`RedisStreamBroker`, results kept; it looks for abandoned jobs only after a new job came",
    ),
    Peer(
        name="streaq",
        driver="streaq_driver.py",
        distribution="streaq",
        environment="streaq.txt",
        bulk=True,
        setup="as it comes",
    ),
    Peer(
        name="rabbitmq",
        driver="rabbitmq_driver.py",
        distribution="aio-pika",
        environment="aio-pika.txt",
        server="rabbitmq",
        bulk=True,
        setup="a classic queue, transient messages with publisher confirms, aio-pika; keeps no results",
    ),
)
