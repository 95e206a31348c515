"""`dagwarden completion`: what shells complete commands with."""

import click


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """
    Print the completion script of a shell.

    \b
    eval "$(dagwarden completion bash)"
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is not None:
        app = click.get_current_context().find_root().command
        click.echo(kind(app, {}, "dagwarden", "_DAGWARDEN_COMPLETE").source())
