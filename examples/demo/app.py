"""A small music app, guarded by authz: pages, an API, and work for administrators.

No view asks who may do what: `policy.csv` says it. The pages ask `can(method, path)`
only to leave out what would be refused.
"""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlencode

from flask import (
    Blueprint,
    Flask,
    abort,
    current_app,
    jsonify,
    redirect,
    render_template,
    request,
)
from werkzeug.wrappers import Response

from authz import Authz, current_subject, scopes

#: What they are called. With a policy that has scopes, `libraries.csv`, a person may
#: have one of them and not the other.
LIBRARIES = {"kids": "For children", "originals": "Originals"}


def scope_names() -> dict[str, str]:
    """Return the scopes that the admin pages offer, and what they are called."""
    return {f"library:{key}": name for key, name in LIBRARIES.items()}


authz = Authz(scope_names=scope_names)
#: Declares that a view names no library, and shows what is in those of the visitor.
of_theirs = authz.scoped("library", narrowed=True)
demo = Blueprint("demo", __name__)


@dataclass(frozen=True, slots=True)
class Song:
    """An invented song; energy and mood go from 0 to 100."""

    id: int
    title: str
    artist: str
    energy: int
    mood: int
    tags: str
    #: The id of one of `LIBRARIES`.
    library: str = "originals"


SONGS = (
    Song(1, "Harbour Lights", "The Paper Boats", 22, 61, "calm evening sea"),
    Song(
        2, "Two Left Shoes", "Marta & the Moths", 79, 84, "happy dance morning", "kids"
    ),
    Song(3, "Slow Lemon", "Ada Quill", 34, 76, "calm warm sunday", "kids"),
    Song(4, "Night Bus to Nowhere", "Grey Parade", 46, 18, "night rain sad"),
    Song(5, "Copper Wire", "Ohm Sweet Ohm", 93, 42, "loud fast workout"),
    Song(6, "A Letter in May", "Ada Quill", 17, 30, "calm sad piano"),
    Song(7, "Kitchen Disco", "Marta & the Moths", 90, 95, "happy dance party", "kids"),
    Song(8, "Low Tide", "The Paper Boats", 8, 45, "calm sea sleep", "kids"),
    Song(9, "Thunder Without Rain", "Grey Parade", 74, 14, "loud night angry"),
    Song(10, "Bicycle Summer", "Lo and Behold", 63, 72, "happy warm road", "kids"),
    Song(11, "Static Garden", "Ohm Sweet Ohm", 60, 53, "focus work night"),
    Song(12, "Last One to Leave", "Lo and Behold", 39, 47, "evening road focus"),
)


@dataclass(slots=True)
class Studio:
    """What the app remembers until it stops."""

    #: The newest first: what it is called, and whose it is.
    playlists: deque[dict[str, str]] = field(default_factory=lambda: deque(maxlen=50))
    settings: dict[str, str] = field(
        default_factory=lambda: {"language": "en", "playlist_length": "10"}
    )
    #: Who started which work last.
    started: dict[str, str] = field(default_factory=dict)


def create_app() -> Flask:
    """Return the app. The settings come from the environment: see `run.sh`."""
    app = Flask(__name__)
    app.extensions["studio"] = Studio()
    app.register_blueprint(demo)
    authz.init_app(app)
    return app


def studio() -> Studio:
    """Return what the current app remembers."""
    remembered: Studio = current_app.extensions["studio"]
    return remembered


def songs() -> list[Song]:
    """Return the songs that the visitor may see at this path: those of their libraries.

    All of them where the policy knows no scopes.
    """
    theirs = scopes(request.method, request.path).ids("library")
    return [song for song in SONGS if song.library in theirs]


def nearest(song: Song) -> list[tuple[int, Song]]:
    """Return the five songs most like *song*, and how alike they are in percent."""
    alike = [
        (100 - (abs(song.energy - o.energy) + abs(song.mood - o.mood)) // 2, o)
        for o in songs()
        if o is not song
    ]
    return sorted(alike, key=lambda pair: -pair[0])[:5]


def find(words: str) -> list[Song]:
    """Return the songs whose tags or titles hold one of *words*."""
    wanted = set(words.lower().split())
    return [s for s in songs() if wanted & set(f"{s.tags} {s.title}".lower().split())]


def sent(name: str) -> str:
    """Return a field of the form or of the JSON object that was sent."""
    body = request.get_json(silent=True) if request.is_json else request.form
    value = body.get(name) if isinstance(body, Mapping) else None
    return value.strip()[:200] if isinstance(value, str) else ""


def done(result: Any, page: str, status: int = 200) -> Response:
    """Answer a program with JSON; send a person, who used a form, on to a page."""
    if request.mimetype == "application/x-www-form-urlencoded":
        return redirect(request.script_root + page, 303)
    response = jsonify(result)
    response.status_code = status
    return response


@demo.after_app_request
def harden(response: Response) -> Response:
    """Allow pages their style sheet and forms, and nothing else."""
    response.headers.setdefault(
        "Content-Security-Policy",
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'",
    )
    return response


@demo.get("/health")
def health() -> Response:
    """Say that the app runs; open to everyone."""
    return jsonify(status="ok")


@demo.get("/")
@of_theirs
def home() -> str:
    """Show the songs, and what the visitor may do."""
    visible = songs()
    counts = Counter(LIBRARIES[song.library] for song in visible)
    return render_template(
        "home.html",
        songs=visible,
        counts=sorted(counts.items()),
        libraries=LIBRARIES,
    )


@demo.get("/map")
@of_theirs
def song_map() -> str:
    """Show all songs by energy and mood."""
    return render_template("map.html", songs=songs())


@demo.get("/api/songs")
@of_theirs
def list_songs() -> Response:
    """Return the songs of the visitor's libraries, and how many there are."""
    visible = songs()
    return jsonify(songs=[asdict(song) for song in visible], count=len(visible))


@demo.get("/api/libraries/<library>/songs")
@authz.scoped("library", path="library")
def songs_of_library(library: str) -> Response:
    """Return the songs of one library; refused to whom it is not given."""
    if library not in LIBRARIES:
        abort(404)
    return jsonify([asdict(song) for song in SONGS if song.library == library])


@demo.get("/chat")
@of_theirs
def chat() -> str:
    """Show the chat, with the answer to `?ask=`."""
    ask = request.args.get("ask", "")[:200]
    return render_template("chat.html", ask=ask, found=find(ask))


@demo.post("/api/chat")
@of_theirs
def answer() -> Response:
    """Answer a wish such as "something calm"."""
    ask = sent("ask")
    found = [asdict(song) for song in find(ask)]
    return done(
        {"songs": found, "count": len(found)}, f"/chat?{urlencode({'ask': ask})}"
    )


@demo.get("/similar")
@of_theirs
def similar() -> str:
    """Show the songs most like the one chosen with `?song=`."""
    chosen = request.args.get("song", type=int)
    visible = songs()
    if not visible:
        abort(404)
    song = next((song for song in visible if song.id == chosen), visible[0])
    return render_template("similar.html", songs=visible, song=song, near=nearest(song))


@demo.get("/api/similar/<int:song_id>")
@of_theirs
def similar_to(song_id: int) -> Response:
    """Return the songs most like one."""
    song = next((song for song in songs() if song.id == song_id), None) or abort(404)
    return jsonify([{"alike": alike, **asdict(s)} for alike, s in nearest(song)])


@demo.get("/playlists")
@of_theirs
def playlists() -> str:
    """Show the playlists and the form for a new one."""
    return render_template("playlists.html", playlists=studio().playlists)


@demo.get("/api/playlists")
@of_theirs
def list_playlists() -> Response:
    """Return the playlists."""
    return jsonify([*studio().playlists])


@demo.post("/api/playlists")
@of_theirs
def make_playlist() -> Response:
    """Add a playlist."""
    name = sent("name") or abort(400, "A playlist needs a name.")
    playlist = {"name": name, "owner": current_subject.display_name}
    studio().playlists.appendleft(playlist)
    return done(playlist, "/playlists", 201)


@demo.get("/analysis", defaults={"work": "analysis"})
@demo.get("/clustering", defaults={"work": "clustering"})
def heavy_work(work: str) -> str:
    """Show who started the work last, and the button that starts it."""
    return render_template("work.html", work=work, by=studio().started.get(work))


@demo.post("/api/analysis/start", defaults={"work": "analysis"})
@demo.post("/api/clustering/start", defaults={"work": "clustering"})
def start_work(work: str) -> Response:
    """Start what would keep a real server busy."""
    studio().started[work] = current_subject.display_name
    return done({"started": work}, f"/{work}", 202)


@demo.get("/config")
def configuration() -> str:
    """Show the configuration."""
    return render_template("config.html", settings=studio().settings)


@demo.get("/api/config")
def read_config() -> Response:
    """Return the configuration."""
    return jsonify(studio().settings)


@demo.put("/api/config")
def change_config() -> Response:
    """Change what the JSON object that was sent names."""
    settings = studio().settings
    settings.update({key: sent(key) for key in settings if sent(key)})
    return jsonify(settings)


@demo.get("/users")
def users() -> str:
    """Show who made how many playlists."""
    makers = Counter(playlist["owner"] for playlist in studio().playlists)
    return render_template("users.html", makers=makers.most_common())
