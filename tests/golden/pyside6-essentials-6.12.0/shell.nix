# A shell for a virtual environment of pip or uv. Written by wheelfix.
# For pyside6-essentials 6.12.0, from
# pyside6_essentials-6.12.0-cp310-abi3-manylinux_2_34_x86_64.whl.
# pyside6-essentials: libQt6EglFsKmsGbmSupport.so.6: kdePackages.qtbase has one,
# but the wheel bundles the rest of that family (Qt_6_PRIVATE_API): two builds
# of it in one process break; does not load without:
# PySide6/Qt/plugins/egldeviceintegrations/libqeglfs-kms-integration.so.
# pyside6-essentials: libQt6WaylandCompositorIviapplication.so.6:
# kdePackages.qtwayland has one, but the wheel bundles the rest of that family
# (Qt_6): two builds of it in one process break; does not load without:
# PySide6/Qt/qml/QtWayland/Compositor/IviApplication/libwaylandcompositoriviapplicationplugin.so.
# pyside6-essentials: libQt6WaylandCompositorPresentationTime.so.6:
# kdePackages.qtwayland has one, but the wheel bundles the rest of that family
# (Qt_6): two builds of it in one process break; does not load without:
# PySide6/Qt/qml/QtWayland/Compositor/PresentationTime/libwaylandcompositorpresentationtimeplugin.so.
# pyside6-essentials: libQt6WaylandCompositorWLShell.so.6: kdePackages.qtwayland
# has one, but the wheel bundles the rest of that family (Qt_6): two builds of
# it in one process break; does not load without:
# PySide6/Qt/qml/QtWayland/Compositor/WlShell/libwaylandcompositorwlshellplugin.so.
# pyside6-essentials: libQt6WaylandCompositorXdgShell.so.6:
# kdePackages.qtwayland has one, but the wheel bundles the rest of that family
# (Qt_6): two builds of it in one process break; does not load without:
# PySide6/Qt/qml/QtWayland/Compositor/XdgShell/libwaylandcompositorxdgshellplugin.so.
# pyside6-essentials: libclntsh.so.23.1: nobody in this index has it; another
# ABI of it is there: libclntsh.so.10.1, libclntsh.so.11.1, libclntsh.so.12.1;
# does not load without: PySide6/Qt/plugins/sqldrivers/libqsqloci.so.
# pyside6-essentials: libmimerapi.so: nobody in this index has it; does not load
# without: PySide6/Qt/plugins/sqldrivers/libqsqlmimer.so.
# pyside6-essentials: libmysqlclient.so.21: only mysql80 had it, which nixpkgs
# has removed: 'mysql80' reached end of life on 2026-04-30 and has been removed;
# another ABI of it is there: libmysqlclient.so.24; does not load without:
# PySide6/Qt/plugins/sqldrivers/libqsqlmysql.so.
# pyside6-essentials: libQt63DCore.so.6: pyside6-addons brings it, found where
# both are in one environment; this wheel does not require it, so that an input
# could be a cycle.
# pyside6-essentials: libQt63DQuick.so.6: pyside6-addons brings it, found where
# both are in one environment; this wheel does not require it, so that an input
# could be a cycle.
# pyside6-essentials: libQt63DQuickScene2D.so.6: pyside6-addons brings it, found
# where both are in one environment; this wheel does not require it, so that an
# input could be a cycle.
# pyside6-essentials: libQt63DQuickScene3D.so.6: pyside6-addons brings it, found
# where both are in one environment; this wheel does not require it, so that an
# input could be a cycle.
# pyside6-essentials: libQt63DRender.so.6: pyside6-addons brings it, found where
# both are in one environment; this wheel does not require it, so that an input
# could be a cycle.
# pyside6-essentials: libQt6Multimedia.so.6: pyside6-addons brings it, found
# where both are in one environment; this wheel does not require it, so that an
# input could be a cycle.
# pyside6-essentials: libQt6Positioning.so.6: pyside6-addons brings it, found
# where both are in one environment; this wheel does not require it, so that an
# input could be a cycle.
# pyside6-essentials: libQt6Quick3DUtils.so.6: pyside6-addons brings it, found
# where both are in one environment; this wheel does not require it, so that an
# input could be a cycle.
# pyside6-essentials: libQt6StateMachine.so.6: pyside6-addons brings it, found
# where both are in one environment; this wheel does not require it, so that an
# input could be a cycle.
# pyside6-essentials: libQt6StateMachineQml.so.6: pyside6-addons brings it,
# found where both are in one environment; this wheel does not require it, so
# that an input could be a cycle.
# pyside6-essentials: libQt6VirtualKeyboard.so.6: pyside6-addons brings it,
# found where both are in one environment; this wheel does not require it, so
# that an input could be a cycle.
# pyside6-essentials: libQt6VirtualKeyboardQml.so.6: pyside6-addons brings it,
# found where both are in one environment; this wheel does not require it, so
# that an input could be a cycle.
# pyside6-essentials: libQt6VirtualKeyboardSettings.so.6: pyside6-addons brings
# it, found where both are in one environment; this wheel does not require it,
# so that an input could be a cycle.
# pyside6-essentials: libQt6WebChannel.so.6: pyside6-addons brings it, found
# where both are in one environment; this wheel does not require it, so that an
# input could be a cycle.
# pyside6-essentials: libQt6Pdf.so.6: pyside6-pdf brings it, found where both
# are in one environment; this wheel does not require it, so that an input could
# be a cycle.
# pyside6-essentials: libQt6PdfQuick.so.6: pyside6-pdf brings it, found where
# both are in one environment; this wheel does not require it, so that an input
# could be a cycle.
# pyside6-essentials: libQt6WebEngineCore.so.6: pyside6-webengine brings it,
# found where both are in one environment; this wheel does not require it, so
# that an input could be a cycle.
# pyside6-essentials: libQt6WebEngineWidgets.so.6: pyside6-webengine brings it,
# found where both are in one environment; this wheel does not require it, so
# that an input could be a cycle.
# Where the program runs: unset QT_PLUGIN_PATH (desktops on NixOS set it for
# their own Qt, whose plugins the wheel's Qt cannot load).
# Where the program runs: unset QT_QPA_PLATFORM_PLUGIN_PATH (the wheel brings
# its platform plugins; those of another Qt cannot be loaded).
{ pkgs ? import <nixpkgs> { } }:
pkgs.mkShell {
  # nix-ld (programs.nix-ld.enable) starts what Nix did not build, such as uv's
  # Python, with these; start a Python of nixpkgs with
  # LD_LIBRARY_PATH=$NIX_LD_LIBRARY_PATH in front.
  NIX_LD = pkgs.stdenv.cc.bintools.dynamicLinker;

  shellHook =
    "export NIX_LD_LIBRARY_PATH=\${NIX_LD_LIBRARY_PATH:-/run/current-system/sw/share/nix-ld/lib}:"
    + pkgs.lib.makeLibraryPath [
      # pyside6-essentials: libatk-1.0.so.0 for
      # PySide6/Qt/plugins/platformthemes/libqgtk3.so
      pkgs.at-spi2-core
      # pyside6-essentials: libbrotlicommon.so.1, libbrotlidec.so.1 for
      # PySide6/Qt/lib/libQt6Network.so.6
      pkgs.brotli
      # pyside6-essentials: libcairo-gobject.so.2, libcairo.so.2 for
      # PySide6/Qt/plugins/platformthemes/libqgtk3.so
      pkgs.cairo
      # pyside6-essentials: libcups.so.2 for
      # PySide6/Qt/plugins/printsupport/libcupsprintersupport.so
      pkgs.cups
      # pyside6-essentials: libdbus-1.so.3 for PySide6/Qt/lib/libQt6DBus.so.6
      pkgs.dbus
      # pyside6-essentials: libfbclient.so.2 for
      # PySide6/Qt/plugins/sqldrivers/libqsqlibase.so
      pkgs.firebird
      # pyside6-essentials: libfontconfig.so.1 for PySide6/Qt/lib/libQt6Gui.so.6
      pkgs.fontconfig
      # pyside6-essentials: libfreetype.so.6 for PySide6/Qt/lib/libQt6Gui.so.6,
      # PySide6/Qt/plugins/platforms/libqminimal.so and 1 more
      pkgs.freetype
      # pyside6-essentials: libgdk_pixbuf-2.0.so.0 for
      # PySide6/Qt/plugins/platformthemes/libqgtk3.so
      pkgs.gdk-pixbuf
      # pyside6-essentials: libgio-2.0.so.0, libglib-2.0.so.0,
      # libgobject-2.0.so.0, libgthread-2.0.so.0 for
      # PySide6/Qt/lib/libQt6Core.so.6, PySide6/Qt/lib/libQt6Gui.so.6 and 3 more
      pkgs.glib
      # pyside6-essentials: libgdk-3.so.0, libgtk-3.so.0 for
      # PySide6/Qt/plugins/platformthemes/libqgtk3.so
      pkgs.gtk3
      # pyside6-essentials: libharfbuzz.so.0 for
      # PySide6/Qt/plugins/platformthemes/libqgtk3.so
      pkgs.harfbuzz
      # pyside6-essentials: libgssapi_krb5.so.2 for
      # PySide6/Qt/lib/libQt6Network.so.6
      pkgs.krb5
      # pyside6-essentials: libEGL.so.1, libGL.so.1 for
      # PySide6/Qt/lib/libQt6Designer.so.6,
      # PySide6/Qt/lib/libQt6DesignerComponents.so.6 and 178 more
      pkgs.libGL
      # pyside6-essentials: libdrm.so.2 for
      # PySide6/Qt/lib/libQt6EglFsKmsSupport.so.6,
      # PySide6/Qt/plugins/egldeviceintegrations/libqeglfs-kms-egldevice-integration.so
      # and 5 more
      pkgs.libdrm
      # pyside6-essentials: libgbm.so.1 for
      # PySide6/Qt/plugins/egldeviceintegrations/libqeglfs-kms-integration.so
      pkgs.libgbm
      # pyside6-essentials: libpq.so.5 for
      # PySide6/Qt/plugins/sqldrivers/libqsqlpsql.so
      pkgs.libpq
      # pyside6-essentials: libX11-xcb.so.1, libX11.so.6 for
      # PySide6/Qt/lib/libQt6Gui.so.6, PySide6/Qt/lib/libQt6XcbQpa.so.6 and 6
      # more
      pkgs.libx11
      # pyside6-essentials: libxcb-glx.so.0, libxcb-randr.so.0,
      # libxcb-render.so.0, libxcb-shape.so.0, libxcb-shm.so.0,
      # libxcb-sync.so.1, libxcb-xfixes.so.0, libxcb-xkb.so.1, libxcb.so.1 for
      # PySide6/Qt/lib/libQt6XcbQpa.so.6,
      # PySide6/Qt/plugins/egldeviceintegrations/libqeglfs-x11-integration.so
      # and 3 more
      pkgs.libxcb
      # pyside6-essentials: libxcb-cursor.so.0 for
      # PySide6/Qt/lib/libQt6XcbQpa.so.6,
      # PySide6/Qt/plugins/platforms/libqxcb.so and 2 more
      pkgs.libxcb-cursor
      # pyside6-essentials: libxcb-image.so.0 for
      # PySide6/Qt/lib/libQt6XcbQpa.so.6,
      # PySide6/Qt/plugins/platforms/libqxcb.so and 2 more
      pkgs.libxcb-image
      # pyside6-essentials: libxcb-keysyms.so.1 for
      # PySide6/Qt/lib/libQt6XcbQpa.so.6,
      # PySide6/Qt/plugins/platforms/libqxcb.so and 2 more
      pkgs.libxcb-keysyms
      # pyside6-essentials: libxcb-render-util.so.0 for
      # PySide6/Qt/lib/libQt6XcbQpa.so.6,
      # PySide6/Qt/plugins/platforms/libqxcb.so and 2 more
      pkgs.libxcb-render-util
      # pyside6-essentials: libxcb-util.so.1 for
      # PySide6/Qt/lib/libQt6XcbQpa.so.6,
      # PySide6/Qt/plugins/platforms/libqxcb.so and 2 more
      pkgs.libxcb-util
      # pyside6-essentials: libxcb-icccm.so.4 for
      # PySide6/Qt/lib/libQt6XcbQpa.so.6,
      # PySide6/Qt/plugins/platforms/libqxcb.so and 2 more
      pkgs.libxcb-wm
      # pyside6-essentials: libxkbcommon-x11.so.0, libxkbcommon.so.0 for
      # PySide6/Qt/lib/libQt6Designer.so.6,
      # PySide6/Qt/lib/libQt6DesignerComponents.so.6 and 123 more
      pkgs.libxkbcommon
      # pyside6-essentials: libpango-1.0.so.0, libpangocairo-1.0.so.0 for
      # PySide6/Qt/plugins/platformthemes/libqgtk3.so
      pkgs.pango
      # pyside6-essentials: libgcc_s.so.1, libstdc++.so.6 for
      # PySide6/Qt/lib/libQt6Concurrent.so.6, PySide6/Qt/lib/libQt6Core.so.6 and
      # 280 more
      pkgs.stdenv.cc.cc.lib
      # pyside6-essentials: libodbc.so.2 for
      # PySide6/Qt/plugins/sqldrivers/libqsqlodbc.so
      pkgs.unixodbc
      # pyside6-essentials: libwayland-client.so.0, libwayland-cursor.so.0,
      # libwayland-egl.so.1, libwayland-server.so.0 for
      # PySide6/Qt/lib/libQt6WaylandClient.so.6,
      # PySide6/Qt/lib/libQt6WaylandCompositor.so.6 and 27 more
      pkgs.wayland
      # pyside6-essentials: libz.so.1 for PySide6/Qt/lib/libQt6Core.so.6,
      # PySide6/Qt/lib/libQt6Gui.so.6 and 3 more
      pkgs.zlib
      # pyside6-essentials: libzstd.so.1 for PySide6/Qt/lib/libQt6Core.so.6,
      # PySide6/Qt/lib/libQt6Designer.so.6 and 2 more
      pkgs.zstd
    ]
    + "\nunset QT_PLUGIN_PATH QT_QPA_PLATFORM_PLUGIN_PATH";
}
