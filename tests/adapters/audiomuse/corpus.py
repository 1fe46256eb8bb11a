"""What honest pages send, and what somebody would try who is after more."""

import gzip

PLAYLIST = "/api/create_playlist"
CHAT = "/chat/api/chatPlaylist"
FINGERPRINT = "/api/sonic_fingerprint/generate"

ORDINARY_QUERY = {
    "title": "Author! Author!",
    "artist": "Tokens",
    "author": "x",
    "item_id": "1",
    "n": "5",
    "limit": "5",
    "offset": "0",
    "search_query": "http://x",
    "mood": "happy",
    "centroid_index": "1",
    "anchor_id": "2",
    "eliminate_duplicates": "true",
    "radius_similarity": "true",
    "mood_similarity": "false",
    "start_song_id": "1",
    "end_song_id": "2",
    "max_steps": "9",
    "artist_id": "2",
    "percent": "25",
    "projection": "umap",
    "album": "x",
    "year": "1999",
    "include_counts": "1",
}
ORDINARY_BODIES = [
    (CHAT, {"userInput": "password for my url", "ai_provider": "OLLAMA", "ai_model": "m"}),
    (PLAYLIST, {"playlist_name": "token", "track_ids": ["1", {"item_id": "2"}]}),
    ("/chat/api/create_playlist", {"playlist_name": "x", "item_ids": ["1"]}),
    ("/api/alchemy", {"items": [{"op": "ADD", "id": "1", "type": "song"}], "n": 9,
                      "temperature": 1.0, "subtract_distance": 0.2}),
    ("/api/clap/search", {"query": "secret songs", "limit": 9}),
    ("/api/lyrics/search/axes", {"axes": {"love": 0.5, "key": 1}, "limit": 9}),
    ("/api/lyrics/search/text", {"query": "x"}),
    ("/api/sem_grove/search", {"item_id": "1", "limit": 5}),
    ("/api/hyperbolic/similar", {"artist": "x", "depth": 2, "filters": {"year": 1}}),
    (FINGERPRINT, {"n": 50}),
]  # fmt: skip

#: One body each that must be refused before the app reads it: data, type, why.
BODIES = {
    "a member twice, harmless first": (
        b'{"server": "living-room", "server": "attic"}', "application/json"),
    "a member twice, harmless last": (
        b'{"server": "attic", "server": "living-room"}', "application/json"),
    "a member twice, escaped": (
        b'{"server": "", "s\\u0065rver": "attic"}', "application/json"),
    "a member twice, deep": (b'{"a": {"b": 1, "b": 2}}', "application/json"),
    "UTF-16": ('{"server": "attic"}'.encode("utf-16"), "application/json"),
    "UTF-16, little end first": ('{"server": "attic"}'.encode("utf-16-le"), "application/json"),
    "UTF-16, big end first": ('{"server": "attic"}'.encode("utf-16-be"), "application/json"),
    "UTF-32": ('{"server": "attic"}'.encode("utf-32"), "application/json"),
    "UTF-8 with a mark": (b'\xef\xbb\xbf{"server": "attic"}', "application/json"),
    "UTF-7": (b"+AHsAIg-server+ACI-:1+AH0-", "application/json; charset=utf-7"),
    "not UTF-8": (b'{"a": "\xff"}', "application/json"),
    "compressed": (gzip.compress(b'{"server": "attic"}'), "application/json"),
    "not JSON": (b'{"a": 1', "application/json"),
    "JSON5": (b"{a: 1}", "application/json"),
    "NaN": (b'{"a": NaN}', "application/json"),
    "two values": (b'{"a": 1}{"server": "attic"}', "application/json"),
    "nested too deeply": (b'{"a":' * 60 + b"1" + b"}" * 60, "application/json"),
    "nested far too deeply": (b"[" * 100_000, "application/json"),
    "a number too long": (b'{"a": ' + b"9" * 5000 + b"}", "application/json"),
    "text": (b"server=attic", "text/plain"),
    "no type": (b"server=attic", ""),
    "XML": (b"<server>attic</server>", "application/xml"),
    "JSON called a form": (
        b'{"server": "attic"}', "application/x-www-form-urlencoded"),
    "JSON called a form, with a space": (
        b' \n{"server": "attic"}', "application/x-www-form-urlencoded"),
    "a form that is none": (b"no boundary", "multipart/form-data; boundary=b"),
    "white space": (b"   ", "application/json"),
}  # fmt: skip

#: Bodies whose fields are seen whatever they call themselves.
DISGUISED = {
    "text": "text/plain",
    "no type": "",
    "another JSON": "application/vnd.api+json",
    "a made-up one": "application/x-whatever",
    "upper case": "APPLICATION/JSON",
    "with a charset": "application/json; charset=utf-16",
    "two types": "application/json, text/plain",
}

#: Other spellings of names, by what they are another spelling of.
SPELLINGS = [
    "Server", "SERVER", "server-id", "serverId", "ServerID", "server.id", "server id",
    " server", "server\u0000", "s\uff45rver", "\U0001d42cerver", "server[]", "server[0]",
    "user[creds]", "userCreds", "USER_CREDS", "user-creds", "usercreds", "user_creds ",
    "jellyfinToken", "JELLYFIN_TOKEN", "jellyfin-token", "token", "access_token", "Token ",
    "X-Api-Key", "apiKey", "api.key", "apikey", "openai_api_key", "secret", "client_secret",
    "password", "passwd", "pwd", "Passphrase", "creds", "credentials", "auth", "bearer",
    "url", "base_url", "callback_url", "webhook", "webhook_uri", "host", "hostname",
    "media_server", "endpoint", "proxy", "user", "username", "user_id", "userid",
    "owner", "jellyfin_user_identifier", "user_identifier", "navidrome_user.password", "as_user",
    "impersonate", "on_behalf_of", "role", "is_admin", "admin", "login", "account",
]  # fmt: skip
