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
