"""The group `emp worker`."""

from emp_cli.commands.worker import diff, local, show, start, steer
from emp_cli.group import Commands, ShowingGroup

app = Commands(
    name="worker",
    cls=ShowingGroup,
    help="Start and stop workers here; show, pause, resume and drain any worker. `emp worker ID` shows one.",
    subcommand_metavar="ID | COMMAND [ARGS]...",
)

HERE, ANYWHERE = "On this machine", "Anywhere"

app.command("start", rich_help_panel=HERE)(start.start)
app.command("stop", rich_help_panel=HERE)(local.stop)
app.command("restart", rich_help_panel=HERE)(local.restart)
app.command("status", rich_help_panel=HERE)(local.status)
app.command("logs", rich_help_panel=HERE)(local.logs)
app.command("show", rich_help_panel=ANYWHERE)(show.show)
app.command("diff", rich_help_panel=ANYWHERE)(diff.diff)
app.command("pause", rich_help_panel=ANYWHERE)(steer.pause)
app.command("resume", rich_help_panel=ANYWHERE)(steer.resume)
app.command("drain", rich_help_panel=ANYWHERE)(steer.drain)
