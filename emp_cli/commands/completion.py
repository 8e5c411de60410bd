"""`emp completion`: the script that teaches a shell the command."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

import typer

from emp_cli.output import terminal


class Shell(StrEnum):
    """The shells that completions are made for."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(shell: Annotated[Shell, typer.Argument(metavar="SHELL", help="bash, zsh or fish.")]) -> None:
    """Print the completion script of a shell.

    Examples:
    emp completion bash > ~/.local/share/bash-completion/completions/emp
    emp completion zsh > "${fpath[1]}/_emp"
    emp completion fish > ~/.config/fish/completions/emp.fish
    """
    terminal.data(script(shell).rstrip("\n"))


def script(shell: Shell) -> str:
    """The script; the files in `completions/` are made of it.

    All three ask the command in the same way, and get a line `TEXT` or `TEXT<tab>HELP` for each text that may stand in
    place of the last argument. The texts come from jobs too, so no shell evaluates them.
    """
    return _SCRIPTS[shell]


# Typer's own scripts for bash and zsh split a filter at its colons, and evaluate what the command answers.
_BASH = r"""
# bash completion for emp: emp completion bash

_emp_completion() {
    local line=${COMP_LINE:0:COMP_POINT} offers=() words=() quoted=
    mapfile -t offers < <(
        _EMP_COMPLETE=complete_fish _TYPER_COMPLETE_FISH_ACTION=get-args _TYPER_COMPLETE_ARGS=$line "$1" 2>/dev/null
    )
    COMPREPLY=()
    words=("${offers[@]%%$'\t'*}")
    case ${COMP_WORDS[COMP_CWORD]} in [\"\']*) quoted=${COMP_WORDS[COMP_CWORD]:0:1} ;; esac
    # Outside quotes bash replaces only what stands behind the last colon or equals sign.
    local last=${line##*[[:space:]]} kept=
    if [[ -z $quoted && $last == *[:=]* ]]; then kept=${last%"${last##*[:=]}"}; fi
    local word
    for word in "${words[@]}"; do
        word=${word#"$kept"}
        # The rest of such a text would stand outside the quotes, as commands of the shell.
        if [[ -n $quoted && $word == *"$quoted"* ]]; then continue; fi
        if [[ -z $quoted ]]; then printf -v word %q "$word"; fi
        COMPREPLY+=("$word")
        case $word in *[:.=\<\>]) compopt -o nospace ;; esac
    done
    # Bash would close the quotes behind a single word, where a filter may go on.
    if [[ -n $quoted && ${#COMPREPLY[@]} = 1 ]]; then COMPREPLY+=("${COMPREPLY[0]}…"); fi
}

complete -o default -F _emp_completion emp
"""

_ZSH = r"""
#compdef emp
# zsh completion for emp: emp completion zsh

_emp() {
    local line text help
    local -a texts shown open open_shown
    while IFS= read -r line; do
        text=${line%%$'\t'*} help=
        [[ $line == *$'\t'* ]] && help="  -- ${line#*$'\t'}"
        if [[ $text == *[:.=\<\>] || ${words[CURRENT]} == [\'\"]* ]]; then
            open+=("$text") open_shown+=("$text$help")
        else
            texts+=("$text") shown+=("$text$help")
        fi
    done < <(
        _EMP_COMPLETE=complete_fish _TYPER_COMPLETE_FISH_ACTION=get-args \
            _TYPER_COMPLETE_ARGS="${words[1,CURRENT]}" "${words[1]}" 2>/dev/null
    )
    if (( $#texts + $#open == 0 )); then _files; return; fi
    (( $#texts )) && compadd -l -d shown -- "${texts[@]}"
    (( $#open )) && compadd -S '' -l -d open_shown -- "${open[@]}"
}

compdef _emp emp
"""

_FISH = r"""
# fish completion for emp: emp completion fish

function __emp_complete
    set -lx _EMP_COMPLETE complete_fish
    set -lx _TYPER_COMPLETE_FISH_ACTION get-args
    set -lx _TYPER_COMPLETE_ARGS (commandline -cp | string collect)
    set -l program (commandline -opc)[1]
    set -l offers ($program 2>/dev/null)
    if test (count $offers) -gt 0
        printf '%s\n' $offers
    else
        __fish_complete_path (commandline -ct)
    end
end

complete --command emp --no-files --arguments '(__emp_complete)'
"""

_SCRIPTS: Mapping[Shell, str] = {Shell.BASH: _BASH.lstrip(), Shell.ZSH: _ZSH.lstrip(), Shell.FISH: _FISH.lstrip()}
