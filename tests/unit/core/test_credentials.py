# SPDX-License-Identifier: Apache-2.0
"""Credentials in texts, and the same texts without them."""

import pytest

from mlflow_conformance.core.credentials import HIDDEN, Hiding, credentials_in


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("postgresql-password", "hunter2", ["hunter2"]),
        ("kek-passphrase", "a phrase", ["a phrase"]),
        ("s3-secret-key", "abc", ["abc"]),
        ("AWS_SECRET_ACCESS_KEY", "abc", ["abc"]),
        ("kms-key", "name:abc", ["name:abc"]),
        ("apiKey", "abc", ["abc"]),
        ("backend-store-uri", "postgresql://mlflow:p%40ss@db:5432/mlflow", ["p@ss"]),
        ("password-of-nobody", "https://s3.example/", []),
        ("postgresql-username", "mlflow", []),
        ("s3-access-key", "mlflow", []),
        ("AWS_ACCESS_KEY_ID", "AKIA", []),
        ("password-file", "/run/password", []),
        ("use-token", "true", []),
        ("password", "", []),
        ("tls.key", "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\n", []),
        ("probe.curlrc", 'user = "readiness-probe:abc"\n', []),
        ("uri", "http://[broken", []),
    ],
)
def test_an_entry_by_its_name_and_value(name: str, value: str, found: list[str]) -> None:
    assert list(credentials_in(value, [name])) == found


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "postgresql+psycopg2://mlflow:p%40ss@db:5432/x",
            "postgresql+psycopg2://mlflow:•••@db:5432/x",
        ),
        ("postgresql://u:pa/ss@h/db", "postgresql://u:•••@h/db"),
        ("postgresql://u:p@ss@h/db x", "postgresql://u:•••@h/db x"),
        ("redis://:pw@h", "redis://:•••@h"),
        ("https://u:pw@h/x?y=a@b", "https://u:•••@h/x?y=a@b"),
        ("http://localhost:5000/users/foo@bar.com", "http://localhost:5000/users/foo@bar.com"),
        ("http://a:5000/x,postgresql://u:pw@h", "http://a:5000/x,postgresql://u:•••@h"),
        ("Authorization: Basic YTpi", "Authorization: Basic •••"),
        ('{"authorization": "Bearer e.y"}', '{"authorization": "Bearer •••"}'),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----\nrest",
            "-----BEGIN RSA PRIVATE KEY-----•••\nrest",
        ),
        (
            "the password is told to nobody: see the Secret",
            "the password is told to nobody: see the Secret",
        ),
    ],
)  # fmt: skip
def test_what_is_hidden_in_any_text(text: str, shown: str) -> None:
    assert Hiding().line(text) == shown
    assert Hiding().line(shown) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("export PGPASSWORD=hunter2; psql", "export PGPASSWORD=•••; psql"),
        ('MLFLOW_AUTH_ADMIN_PASSWORD="a b"', 'MLFLOW_AUTH_ADMIN_PASSWORD="•••"'),
        ("{'token': 'abc', 'port': 1}", "{'token': '•••', 'port': 1}"),
        ('{\\"password\\":\\"abc\\"}', '{\\"password\\":\\"•••\\"}'),
        ("host=db password=abc dbname=m", "host=db password=••• dbname=m"),
        (
            "mlflow server --admin-password abc --host x",
            "mlflow server --admin-password ••• --host x",
        ),
        ("curl -u me:abc http://h", "curl -u me:••• http://h"),
        ('user = "readiness-probe:abc"', 'user = "readiness-probe:•••"'),
        ("--password=$(PASSWORD) --port=1", "--password=$(PASSWORD) --port=1"),
        ("password=•••", "password=•••"),
        ('secret "mlflow" not found', 'secret "mlflow" not found'),
        ("passed: 5, keys: 3", "passed: 5, keys: 3"),
        ('password refused for user "x"', 'password refused for user "x"'),
    ],
)  # fmt: skip
def test_what_is_hidden_in_what_programs_say(text: str, shown: str) -> None:
    assert Hiding().said(text) == shown


def test_a_variable_by_its_name() -> None:
    hiding = Hiding()
    assert hiding.named("POSTGRES_PASSWORD", "hunter2") == HIDDEN
    assert hiding.named("Authorization", "Basic YTpi") == HIDDEN
    assert hiding.named("STORE", 'postgresql://u:a"b@h/m') == "postgresql://u:•••@h/m"
    assert hiding.named("POSTGRES_PASSWORD", "$(OTHER)") == "$(OTHER)"
    assert hiding.named("POSTGRES_USER", "mlflow") == "mlflow"
    assert hiding.found == {"hunter2", "Basic", "YTpi", 'a"b'}


def test_the_words_of_a_command_line() -> None:
    words = ["mlflow", "--admin-password", "hunter2", "--secret-name", "x", "--token=abc", "sh"]
    hiding = Hiding()
    assert hiding.words(words) == [
        "mlflow", "--admin-password", "•••", "--secret-name", "x", "--token=•••", "sh",
    ]  # fmt: skip
    assert hiding.found == {"hunter2", "abc"}
