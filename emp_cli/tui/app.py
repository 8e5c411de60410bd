"""The dashboard: its screens, its keys, and the one feed."""

from collections.abc import Awaitable, Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen
from textual.theme import Theme

from emp_cli.output.clean import one_line
from emp_cli.tui import ways
from emp_cli.tui.driver import driver_class
from emp_cli.tui.feed import Feed
from emp_cli.tui.messages import Contact, Keep, Open, Preferred, Seen, Trouble, Wanted
from emp_cli.tui.orders import Hands, Ordered
from emp_cli.tui.preferences import Preferences
from emp_cli.tui.saving import SaveFiles, Saving
from emp_cli.tui.screens.base import QueueScreen
from emp_cli.tui.screens.command_line import CommandLine
from emp_cli.tui.screens.dialogs import Ask, Confirm
from emp_cli.tui.screens.help import HelpScreen, is_from_textual
from emp_cli.tui.screens.too_small import TooSmall, is_too_small
from emp_cli.tui.steering import NOTHING_DONE, Steered, Wheel
from emp_cli.tui.style_sheet import StyleSheet
from emp_cli.tui.theme import DARK, LIGHT, SIXTEEN_COLORS
from emp_cli.tui.widgets.masthead import Masthead, Standing
from emp_core.clock import Clock, SystemClock
from emp_core.domain.caller import Role
from emp_core.errors import EmpError, Forbidden

if TYPE_CHECKING:
    from emp_core.client.async_emp import AsyncEmp
    from emp_core.client.queue import Queue

NUMBERED = tuple(enumerate(ways.MODES, 1))


class Dashboard(App[None]):
    """`emp dashboard`."""

    TITLE = "emp"
    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = True

    MODES: ClassVar = dict(ways.MODES)

    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(str(key), f"switch_mode('{name}')", name.capitalize(), show=False) for key, name in NUMBERED),
        Binding("question_mark", "help", "Help", key_display="?"),
        Binding("colon", "go", "Go to", show=False, priority=True),
        Binding("y", "copy_command", "Copy the emp command", show=False),
        Binding("c", "copy_id", "Copy the id", show=False),
        Binding("p", "freeze", "Freeze", show=False),
        Binding("r", "refresh", "Refresh", show=False),
        Binding("z", "undo", "Undo", show=False),
        Binding("q,ctrl+c", "quit", "Quit", show=False),
    ]

    def __init__(
        self,
        queue: "Queue",
        emp: "AsyncEmp",
        preferences: Preferences,
        *,
        start: str = "overview",
        clock: Clock | None = None,
    ) -> None:
        super().__init__(driver_class=driver_class())
        self.stylesheet = StyleSheet(variables=self.get_css_variables())
        self._preferences = preferences
        self._clock = clock or SystemClock()
        self._start = start
        self._queue = queue
        self._feed = Feed(queue, self.post_message, self._clock)
        self._hands = Hands(emp, self._confirm)
        self._wheel = Wheel(emp, self._confirm)
        self._caller = queue.caller
        self._queue_name = emp.queue.context or emp.queue.engine
        self._trouble: Trouble | None = None
        self._at = 0
        self._seen_at = 0.0

    async def on_mount(self) -> None:
        """Begin to read."""
        for theme in (DARK, LIGHT):
            self.register_theme(theme)
        chosen = self._preferences.theme
        self.theme = chosen if chosen in self.available_themes else self._usual_theme
        self.theme_changed_signal.subscribe(self, self._keep_theme)
        self.screen_change_signal.subscribe(self, self._fit, immediate=True)
        self.run_worker(self._feed.run())
        self.set_interval(1, self._tick)
        if self._start not in ways.MODES:
            await self.switch_mode("overview")
        await self._go(self._start)

    @property
    def _usual_theme(self) -> str:
        """The theme of a person who chose none."""
        return SIXTEEN_COLORS if self.console.color_system == "standard" else DARK.name

    # The terminal.

    def on_resize(self) -> None:
        """The terminal has another size."""
        self.call_next(self._fit)  # the app takes the size on after this

    def _fit(self, *changed: object) -> None:
        """Cover the screens while the terminal is too small for them, also those that open meanwhile."""
        covered = isinstance(self.screen, TooSmall)
        if is_too_small(self.size) and not covered:
            # Not awaited: another screen may be opening, which would wait for this one.
            _ = self.push_screen(TooSmall())
        elif covered and not is_too_small(self.size):
            _ = self.pop_screen()

    # The feed.

    def on_wanted(self, message: Wanted) -> None:
        """The open screen shows something else."""
        screen = message.screen
        if isinstance(screen, QueueScreen) and self.screen_stack.count(screen):
            if screen.preferences is not self._preferences:
                screen.post_message(Preferred(self._preferences))
            self._feed.show(message.read, lambda told: self._told(screen, told), now=message.now)
            self._show_standing()

    @property
    def is_settled(self) -> bool:
        """Whether what is wanted was read."""
        return self._feed.is_settled

    def _told(self, screen: Screen[Any], told: Message) -> None:
        if isinstance(told, Seen):
            self._at, self._seen_at = told.at, self._clock.monotonic()
        screen.post_message(told)
        self._show_standing()

    def on_contact(self, message: Contact) -> None:
        """The queue went away, or is back."""
        self._trouble = message.trouble
        self._show_standing()

    def _now(self) -> int:
        """The queue's time in ms; that of the last answer while none comes, 0 before the first."""
        if not self._at or self._trouble or self._feed.frozen:
            return self._at
        return self._at + round((self._clock.monotonic() - self._seen_at) * 1000)

    def _tick(self) -> None:
        self._show_standing()
        if self._at and isinstance(self.screen, QueueScreen):
            self.screen.tick(self._now())

    def _show_standing(self) -> None:
        screens = [screen for screen in self.screen_stack if isinstance(screen, QueueScreen)]
        if not screens:
            return
        stale = self._clock.monotonic() - self._trouble.since if self._trouble else None
        for masthead in screens[-1].query(Masthead):
            masthead.standing = Standing(
                crumbs=tuple(screen.crumb for screen in screens),
                queue=self._queue_name,
                at=self._now(),
                stale=stale,
                frozen=self._feed.frozen,
                read_only=self._caller.read_only,
            )

    def action_freeze(self) -> None:
        """Freeze what is shown, or go on."""
        self._feed.freeze(not self._feed.frozen)
        self._show_standing()

    def action_refresh(self) -> None:
        """Read now."""
        self._feed.refresh()

    # What is kept.

    def on_keep(self, message: Keep) -> None:
        """Save what the person chose, and tell the screens."""
        try:
            message.preferences.save()
        except EmpError as error:
            self._say(error.message, failed=True)
            return
        self._preferences = message.preferences
        for screen in self.screen_stack:
            screen.post_message(Preferred(self._preferences))
        if message.said:
            self._say(message.said)

    def _keep_theme(self, theme: Theme) -> None:
        if theme.name != (self._preferences.theme or self._usual_theme):
            self.post_message(Keep(replace(self._preferences, theme=theme.name)))

    # Ways from screen to screen.

    async def on_open(self, message: Open) -> None:
        """Show the list behind something, or one thing."""
        await self._go(message.command)

    async def _go(self, command: str) -> None:
        try:
            screen = ways.screen_of(command)
        except EmpError as error:
            self._say(error.message, failed=True)
            return
        if isinstance(screen, str):
            await self.switch_mode(screen)
        else:
            await self.push_screen(screen)

    async def action_go(self) -> None:
        """Type where to go."""

        async def go(command: str | None) -> None:
            if command:
                await self._go(command)

        await self.push_screen(CommandLine(ways.WORDS), go)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """What Ctrl+P offers: the screens, the saved filters and the keys of this screen, then Textual's own."""
        for name in ways.MODES:
            yield SystemCommand(name.capitalize(), f"go to {name}", partial(self._go, name))
        for name, text in self._preferences.filters.items():
            yield SystemCommand(f"Jobs: {one_line(name)}", one_line(text), partial(self._go, f"jobs {text}"))
        if isinstance(screen, QueueScreen):
            for active in screen.active_bindings.values():
                if active.node not in (screen, self) or is_from_textual(active):
                    continue
                if active.binding.description and active.enabled:
                    key = self.get_key_display(active.binding)
                    run = partial(self.run_action, active.binding.action, active.node)
                    yield SystemCommand(active.binding.description, f"key {key}", run)
        yield from super().get_system_commands(screen)

    async def action_help(self) -> None:
        """Say what each key does here."""
        screen = self.screen
        if isinstance(screen, QueueScreen):
            await self.push_screen(HelpScreen(screen.crumb, screen.active_bindings))

    # What is copied.

    def action_copy_command(self) -> None:
        """Copy the command that shows the same."""
        if isinstance(self.screen, QueueScreen):
            self._copy(self.screen.command)

    def action_copy_id(self) -> None:
        """Copy the id of what is under the cursor."""
        if isinstance(self.screen, QueueScreen):
            self._copy(self.screen.id_here)

    def _copy(self, text: str) -> None:
        if text:
            self.copy_to_clipboard(text)
            self._say(f"copied: {one_line(text)}")

    # Orders.

    def on_ordered(self, message: Ordered) -> None:
        """Carry out an order to jobs, beside everything else."""
        self.run_worker(self._carry_out(self._order(message)))

    def on_steered(self, message: Steered) -> None:
        """Carry out an order to workers, beside everything else."""
        self.run_worker(self._carry_out(self._steer(message)))

    async def _carry_out(self, order: Awaitable[str | None]) -> None:
        """Say what came of an order; None: the person did not want to go on."""
        try:
            said = await order
            if said is None:
                return
            self._say(said)
            for screen in self.screen_stack:
                if isinstance(screen, QueueScreen):
                    screen.forget_marks()
        except EmpError as error:
            self._say(error.message + (f"\n{error.hint}" if error.hint else ""), failed=True)
        self._feed.refresh()

    async def action_set_priority(self) -> None:
        """Type the priority of what the screen has chosen. The field comes at once: digits are keys of the app too."""
        ordered = self.screen.ordered("priority") if isinstance(self.screen, QueueScreen) else None
        if ordered is None:
            return
        if self._caller.read_only:
            self.post_message(ordered)  # which refuses it
            return

        def give(typed: str | None) -> None:
            if typed:
                ordered.priority = int(typed) if typed.isdecimal() else -1
                self.post_message(ordered)

        await self.push_screen(Ask("new priority, 0 to 100, higher first"), give)

    async def action_steer(self, verb: str) -> None:
        """Give an order for the workers that the screen has chosen. The field for a reason comes at once, too."""
        steered = self.screen.steered(verb) if isinstance(self.screen, QueueScreen) else None
        if steered is None:
            return
        if self._caller.read_only or not steered.question:
            self.post_message(steered)  # which says why not, if it is refused
            return

        def give(reason: str | None) -> None:
            if reason is None:
                self._say(NOTHING_DONE)
            else:
                steered.reason = reason
                self.post_message(steered)

        await self.push_screen(Ask(steered.question), give)

    async def _order(self, ordered: Ordered) -> str | None:
        self._check_change(Role.CLIENT, f"{ordered.verb} jobs")
        return await self._hands.give(ordered)

    async def _steer(self, steered: Steered) -> str | None:
        self._check_change(Role.OPERATOR, f"{steered.verb} workers")
        return await self._wheel.give(steered)

    def _check_change(self, least: Role, what: str) -> None:
        """Raises `Forbidden` if the person may not do it; in a browser, its options are those of the server."""
        if self.is_web and self._caller.read_only:
            hint = "start the server with --write: emp dashboard --web --write"
            raise Forbidden(f"a read-only dashboard may not {what}", hint=hint)
        self._caller.check_change(least, what)

    # Files.

    def on_save_files(self, message: SaveFiles) -> None:
        """Save files, beside everything else."""
        self.run_worker(self._save(message))

    async def _save(self, wanted: SaveFiles) -> None:
        saving = Saving(self._queue, wanted)
        directory = await self.push_screen_wait(Ask(saving.question, "."))
        if not directory:
            return
        try:
            self._say(await saving.save(directory))
        except EmpError as error:
            self._say(error.message + (f"\n{error.hint}" if error.hint else ""), failed=True)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While a question is in front, keys belong to it."""
        if isinstance(self.screen, QueueScreen):
            return self.screen.check_action(action, parameters)
        return action == "quit" or (action == "command_palette" and not isinstance(self.screen, TooSmall))

    async def _confirm(self, question: str, detail: str) -> bool:
        answer: bool = await self.push_screen_wait(Confirm(question, detail))
        return answer

    def action_undo(self) -> None:
        """Take the last order back."""
        self.run_worker(self._undo())

    async def _undo(self) -> None:
        try:
            self._say(await self._hands.undo())
        except EmpError as error:
            self._say(error.message, failed=True)
        self._feed.refresh()

    def _say(self, text: str, *, failed: bool = False) -> None:
        self.notify(text, severity="error" if failed else "information", markup=False)
