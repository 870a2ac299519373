"""Write small scene files of Mitsuba."""

from scenes.imported.import_scene import import_scene

BALL = '<shape type="sphere" id="ball"/>'


def scene_file(folder, body, version="3.0.0"):
    path = folder / "room.xml"
    path.write_text(f'<scene version="{version}">\n{body}\n</scene>', encoding="utf-8")
    return path


def imported(folder, body, searched=None, **keys):
    return import_scene(scene_file(folder, body), folder / "out", searched, **keys)


def transform(*steps):
    return f'<transform name="to_world">{"".join(steps)}</transform>'


def rgb(name, value):
    return f'<rgb name="{name}" value="{value}"/>'


def number(name, value):
    return f'<float name="{name}" value="{value}"/>'


FROM_FRONT = transform('<lookat origin="0,0,9" target="0,0,0" up="0,1,0"/>')
