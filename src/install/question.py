import json, os, platform, sys, sysconfig


def wheel_platform():
    name = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    if sys.platform.startswith("linux"):
        machine = name[len("linux_"):]
        if "musl" in (sysconfig.get_config_var("HOST_GNU_TYPE") or ""):
            return "musllinux_1_2_" + machine
        version = (platform.libc_ver()[1] or "2.17").split(".")
        return "manylinux_%s_%s_%s" % (version[0], version[1], machine)
    if sys.platform == "darwin":
        version = platform.mac_ver()[0].split(".")
        minor = version[1] if version[0] == "10" else "0"
        return "macosx_%s_%s_%s" % (version[0], minor, platform.machine())
    return name


base = getattr(sys, "_base_executable", None) or sys.executable
print(json.dumps({
    "executable": os.path.abspath(base),
    "version": platform.python_version(),
    "implementation": sys.implementation.name,
    "platform": wheel_platform(),
    "soabi": sysconfig.get_config_var("SOABI") or "",
    "prefix": sys.base_prefix,
}))
