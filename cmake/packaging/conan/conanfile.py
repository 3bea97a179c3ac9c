"""Conan 2: the headers, with the components core and io. `conan create cmake/packaging/conan`, in a copy of the repository."""
import re
from pathlib import Path

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.files import copy


class Vitrail(ConanFile):
    name = "vitrail"
    description = "Vision transformers and self-supervision in header-only C++20"
    license = "MIT"
    topics = ("vision-transformer", "self-supervised-learning", "header-only")
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"io": [True, False]}
    default_options = {"io": True}
    no_copy_source = True

    @property
    def _root(self):
        return Path(self.recipe_folder).resolve().parents[2]

    def set_version(self):
        config = (self._root / "include/vitrail/core/config.hpp").read_text()
        self.version = ".".join(re.findall(r"VITRAIL_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", config))

    def export_sources(self):
        copy(self, "include/*", self._root, self.export_sources_folder)
        copy(self, "LICENSE", self._root, self.export_sources_folder)

    def requirements(self):
        self.requires("eigen/[>=3.4 <4]", transitive_headers=True)
        if self.options.io:
            self.requires("nlohmann_json/[>=3.10 <4]", transitive_headers=True)
            self.requires("libjpeg-turbo/[>=2.1 <4]", transitive_headers=True, transitive_libs=True)
            self.requires("libpng/[>=1.6 <2]", transitive_headers=True, transitive_libs=True)
            self.requires("zlib/[>=1.2.11 <2]", transitive_headers=True, transitive_libs=True)

    def validate(self):
        check_min_cppstd(self, 20)

    def package_id(self):
        self.info.clear()

    def package(self):
        copy(self, "*", Path(self.source_folder, "include"), Path(self.package_folder, "include"))
        copy(self, "LICENSE", self.source_folder, Path(self.package_folder, "licenses"))

    def package_info(self):
        self.cpp_info.set_property("cmake_file_name", "vitrail")
        core = self.cpp_info.components["core"]
        core.set_property("cmake_target_name", "vitrail::vitrail")
        core.set_property("pkg_config_name", "vitrail")
        core.requires = ["eigen::eigen"]
        core.bindirs = core.libdirs = []
        if self.settings.os in ("Linux", "FreeBSD"):
            core.system_libs = ["pthread"]
        if self.options.io:
            io = self.cpp_info.components["io"]
            io.set_property("cmake_target_name", "vitrail::io")
            io.set_property("pkg_config_name", "vitrail-io")
            io.requires = ["core", "nlohmann_json::nlohmann_json", "libjpeg-turbo::jpeg", "libpng::libpng", "zlib::zlib"]
            io.bindirs = io.libdirs = []
