#!/usr/bin/env python3
"""Hands the messages of a drop folder (option envelope = json) to the mail server of this machine.

usage: hand-over.py FOLDER [SENDMAIL [ARGUMENT...]]

Run it from cron or a systemd path unit, one at a time, under an account that may read and delete in FOLDER.
The recipients come from the envelope beside each message, never from its headers: those of Bcc stand nowhere else.
A message is deleted once the mail server has taken it, so a crash in between hands it over twice rather than never.
Ends with 1 when a message was left behind; the next run tries it again.
"""
import json
import os
import subprocess
import sys

NOTIFY = {"Never": "never", "Success": "success", "Failure": "failure", "Delay": "delay"}


def command(sendmail, envelope):
    """The command line; -i because a line with a single dot is no end of the message, -- because an address may begin with a hyphen."""
    options = ["-i", "-f", envelope["sender"] or "<>"]
    if envelope.get("envelopeId"):
        options += ["-V", envelope["envelopeId"]]
    if envelope.get("notify"):
        options += ["-N", ",".join(NOTIFY[word.strip()] for word in envelope["notify"].split(","))]
    return [*sendmail, *options, "--", *envelope["recipients"]]


def main(folder, sendmail):
    left = 0
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".eml"):
            continue
        message = os.path.join(folder, name)
        sidecar = message[: -len(".eml")] + ".json"
        try:
            with open(sidecar, encoding="utf-8") as file:
                envelope = json.load(file)
            with open(message, "rb") as content:
                result = subprocess.run(command(sendmail, envelope), stdin=content, check=False)
            if result.returncode != 0:
                raise OSError(f"{sendmail[0]} ended with {result.returncode}")
            os.remove(message)
            os.remove(sidecar)
        except (OSError, ValueError, KeyError) as problem:
            print(f"{name}: {problem}", file=sys.stderr)
            left += 1
    return 1 if left else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2:] or ["/usr/sbin/sendmail"]))
