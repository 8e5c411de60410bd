"""The group `emp job`."""

from emp_cli.commands.job import show, steer, wait
from emp_cli.group import Commands, ShowingGroup

app = Commands(
    name="job",
    cls=ShowingGroup,
    help="Show, wait for and change jobs. `emp job ID` shows one.",
    subcommand_metavar="ID | COMMAND [ARGS]...",
)

LOOK, STEER = "Show", "Change"

app.command("show", rich_help_panel=LOOK)(show.show)
app.command("wait", rich_help_panel=LOOK)(wait.wait)
app.command("follow", rich_help_panel=LOOK)(wait.follow)
app.command("logs", rich_help_panel=LOOK)(show.logs)
app.command("events", rich_help_panel=LOOK)(show.events)
app.command("result", rich_help_panel=LOOK)(show.result)
app.command("cancel", rich_help_panel=STEER)(steer.cancel)
app.command("retry", rich_help_panel=STEER)(steer.retry)
app.command("requeue", rich_help_panel=STEER)(steer.requeue)
app.command("hold", rich_help_panel=STEER)(steer.hold)
app.command("unhold", rich_help_panel=STEER)(steer.unhold)
app.command("priority", rich_help_panel=STEER)(steer.priority)
app.command("delete", rich_help_panel=STEER)(steer.delete)
