"""`orchwipy package`: a program's code as Lambda takes it."""

from __future__ import annotations

import argparse
from pathlib import Path

from orchwipy_lint.cli.apart import FILE, FILE_HELP, add_time_limit, find_name, find_place
from orchwipy_lint.cli.output import CannotWork, fail

__all__ = ["add"]


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the subcommand's parser."""
    parser = commands.add_parser(
        "package",
        allow_abbrev=False,
        help="put a program, what it requires and the runtime into a folder or an archive",
        description="Packages the code folder of a program for Lambda: in a git checkout the files that git"
        " knows or would add, elsewhere all, without caches and the like. The same files give the same bytes."
        " Patterns are those of .gitignore. Exit status: 0, or 2 where there is no package.",
    )
    parser.add_argument("file", metavar=FILE, help=FILE_HELP)
    parser.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="the folder to make")
    parser.add_argument("--zip", type=Path, metavar="FILE", help="the archive to make, instead or as well")
    parser.add_argument(
        "--code", metavar="FOLDER", help="the folder that imports begin at, by default the file's"
    )
    parser.add_argument(
        "--requirements", type=Path, metavar="FILE", help="install the wheels that this names"
    )
    parser.add_argument(
        "--python", choices=("3.10", "3.11", "3.12", "3.13", "3.14"), default="3.13", help="(default: 3.13)"
    )
    parser.add_argument(
        "--architecture", choices=("x86_64", "arm64"), default="x86_64", help="(default: x86_64)"
    )
    parser.add_argument(
        "--with-boto3", action="store_true", help="install boto3 where it is required, though Lambda has it"
    )
    parser.add_argument(
        "--include",
        action="append",
        default=[],
        metavar="PATTERN",
        help="take files that would be left out; may be repeated",
    )
    parser.add_argument(
        "--exclude", action="append", default=[], metavar="PATTERN", help="leave files out; may be repeated"
    )
    parser.add_argument(
        "--no-verify",
        dest="verify",
        action="store_false",
        help="do not try to import the pipeline from the package",
    )
    add_time_limit(parser)
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from orchwipy_runtime.errors import OrchwipyError

    try:
        return _make(args)
    except (CannotWork, OrchwipyError) as error:
        return fail(str(error))
    except BrokenPipeError:
        raise
    except OSError as error:
        return fail(f"`{error.filename}`: {error.strerror}")


def _make(args: argparse.Namespace) -> int:
    from orchwipy_runtime.emit.package import make_package

    if args.output is None and args.zip is None:
        raise CannotWork("there is nothing to make: name a folder by -o, or an archive by --zip")
    if args.code is not None and not Path(args.code).is_dir():
        raise CannotWork(f"--code: there is no folder `{args.code}`")
    place = find_place(args.file, args.code)
    name = find_name(args.file, place, seconds=args.time_limit)
    made = make_package(
        code=place.folder,
        pipeline=f"{place.module}:{name}",
        folder=args.output,
        archive=args.zip,
        include=args.include,
        exclude=args.exclude,
        requirements=args.requirements,
        python=args.python,
        architecture=args.architecture,
        with_boto3=args.with_boto3,
        verify=args.verify,
        seconds=args.time_limit,
    )
    for note in made.notes:
        fail(note)
    print(
        f"{place.module}:{name} in {made.files} files: {_size(made.unzipped)} of the 250 MB that Lambda"
        f" takes, {_size(made.zipped)} zipped"
    )
    return 0


def _size(number: int) -> str:
    return f"{number / 1024:,.0f} kB" if number < 1024 * 1024 else f"{number / 1024 / 1024:,.1f} MB"
