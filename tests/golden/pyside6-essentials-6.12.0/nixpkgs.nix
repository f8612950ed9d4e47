# pyside6-essentials 6.12.0, from
# pyside6_essentials-6.12.0-cp310-abi3-manylinux_2_34_x86_64.whl. Written by
# wheelfix.
# Where the program runs: unset QT_PLUGIN_PATH (desktops on NixOS set it for
# their own Qt, whose plugins the wheel's Qt cannot load).
# Where the program runs: unset QT_QPA_PLATFORM_PLUGIN_PATH (the wheel brings
# its platform plugins; those of another Qt cannot be loaded).
{
  lib,
  buildPythonPackage,
  fetchPypi,
  autoPatchelfHook,
  python,
  pythonAtLeast,
  at-spi2-core,
  brotli,
  cairo,
  cups,
  dbus,
  firebird,
  fontconfig,
  freetype,
  gdk-pixbuf,
  glib,
  gtk3,
  harfbuzz,
  krb5,
  libGL,
  libdrm,
  libgbm,
  libpq,
  libx11,
  libxcb,
  libxcb-cursor,
  libxcb-image,
  libxcb-keysyms,
  libxcb-render-util,
  libxcb-util,
  libxcb-wm,
  libxkbcommon,
  pango,
  stdenv,
  unixodbc,
  wayland,
  zlib,
  zstd,
  shiboken6,
}:
buildPythonPackage rec {
  pname = "pyside6-essentials";
  version = "6.12.0";
  format = "wheel";
  # the wheel is for these interpreters alone; a t is free-threaded
  disabled =
    pythonAtLeast "3.16"
    || builtins.match "python[0-9.]+" python.libPrefix == null;

  src = fetchPypi {
    inherit version format;
    pname = "pyside6_essentials";
    dist = "cp310";
    python = "cp310";
    abi = "abi3";
    platform = "manylinux_2_34_x86_64";
    hash = "sha256-FvS15B2vSSNa4EhFgkPanv5fPYBA+cxapFTOaYk9O9k=";
  };
  nativeBuildInputs = [ autoPatchelfHook ];
  buildInputs = [
    # libatk-1.0.so.0 for PySide6/Qt/plugins/platformthemes/libqgtk3.so
    at-spi2-core
    # libbrotlicommon.so.1, libbrotlidec.so.1 for
    # PySide6/Qt/lib/libQt6Network.so.6
    brotli
    # libcairo-gobject.so.2, libcairo.so.2 for
    # PySide6/Qt/plugins/platformthemes/libqgtk3.so
    cairo
    # libcups.so.2 for PySide6/Qt/plugins/printsupport/libcupsprintersupport.so
    cups
    # libdbus-1.so.3 for PySide6/Qt/lib/libQt6DBus.so.6
    dbus
    # libfbclient.so.2 for PySide6/Qt/plugins/sqldrivers/libqsqlibase.so
    firebird
    # libfontconfig.so.1 for PySide6/Qt/lib/libQt6Gui.so.6
    fontconfig
    # libfreetype.so.6 for PySide6/Qt/lib/libQt6Gui.so.6,
    # PySide6/Qt/plugins/platforms/libqminimal.so and 1 more
    freetype
    # libgdk_pixbuf-2.0.so.0 for PySide6/Qt/plugins/platformthemes/libqgtk3.so
    gdk-pixbuf
    # libgio-2.0.so.0, libglib-2.0.so.0, libgobject-2.0.so.0,
    # libgthread-2.0.so.0 for PySide6/Qt/lib/libQt6Core.so.6,
    # PySide6/Qt/lib/libQt6Gui.so.6 and 3 more
    glib
    # libgdk-3.so.0, libgtk-3.so.0 for
    # PySide6/Qt/plugins/platformthemes/libqgtk3.so
    gtk3
    # libharfbuzz.so.0 for PySide6/Qt/plugins/platformthemes/libqgtk3.so
    harfbuzz
    # libgssapi_krb5.so.2 for PySide6/Qt/lib/libQt6Network.so.6
    krb5
    # libEGL.so.1, libGL.so.1 for PySide6/Qt/lib/libQt6Designer.so.6,
    # PySide6/Qt/lib/libQt6DesignerComponents.so.6 and 178 more
    libGL
    # libdrm.so.2 for PySide6/Qt/lib/libQt6EglFsKmsSupport.so.6,
    # PySide6/Qt/plugins/egldeviceintegrations/libqeglfs-kms-egldevice-integration.so
    # and 5 more
    libdrm
    # libgbm.so.1 for
    # PySide6/Qt/plugins/egldeviceintegrations/libqeglfs-kms-integration.so
    libgbm
    # libpq.so.5 for PySide6/Qt/plugins/sqldrivers/libqsqlpsql.so
    libpq
    # libX11-xcb.so.1, libX11.so.6 for PySide6/Qt/lib/libQt6Gui.so.6,
    # PySide6/Qt/lib/libQt6XcbQpa.so.6 and 6 more
    libx11
    # libxcb-glx.so.0, libxcb-randr.so.0, libxcb-render.so.0, libxcb-shape.so.0,
    # libxcb-shm.so.0, libxcb-sync.so.1, libxcb-xfixes.so.0, libxcb-xkb.so.1,
    # libxcb.so.1 for PySide6/Qt/lib/libQt6XcbQpa.so.6,
    # PySide6/Qt/plugins/egldeviceintegrations/libqeglfs-x11-integration.so and
    # 3 more
    libxcb
    # libxcb-cursor.so.0 for PySide6/Qt/lib/libQt6XcbQpa.so.6,
    # PySide6/Qt/plugins/platforms/libqxcb.so and 2 more
    libxcb-cursor
    # libxcb-image.so.0 for PySide6/Qt/lib/libQt6XcbQpa.so.6,
    # PySide6/Qt/plugins/platforms/libqxcb.so and 2 more
    libxcb-image
    # libxcb-keysyms.so.1 for PySide6/Qt/lib/libQt6XcbQpa.so.6,
    # PySide6/Qt/plugins/platforms/libqxcb.so and 2 more
    libxcb-keysyms
    # libxcb-render-util.so.0 for PySide6/Qt/lib/libQt6XcbQpa.so.6,
    # PySide6/Qt/plugins/platforms/libqxcb.so and 2 more
    libxcb-render-util
    # libxcb-util.so.1 for PySide6/Qt/lib/libQt6XcbQpa.so.6,
    # PySide6/Qt/plugins/platforms/libqxcb.so and 2 more
    libxcb-util
    # libxcb-icccm.so.4 for PySide6/Qt/lib/libQt6XcbQpa.so.6,
    # PySide6/Qt/plugins/platforms/libqxcb.so and 2 more
    libxcb-wm
    # libxkbcommon-x11.so.0, libxkbcommon.so.0 for
    # PySide6/Qt/lib/libQt6Designer.so.6,
    # PySide6/Qt/lib/libQt6DesignerComponents.so.6 and 123 more
    libxkbcommon
    # libpango-1.0.so.0, libpangocairo-1.0.so.0 for
    # PySide6/Qt/plugins/platformthemes/libqgtk3.so
    pango
    # libgcc_s.so.1, libstdc++.so.6 for PySide6/Qt/lib/libQt6Concurrent.so.6,
    # PySide6/Qt/lib/libQt6Core.so.6 and 280 more
    stdenv.cc.cc.lib
    # libodbc.so.2 for PySide6/Qt/plugins/sqldrivers/libqsqlodbc.so
    unixodbc
    # libwayland-client.so.0, libwayland-cursor.so.0, libwayland-egl.so.1,
    # libwayland-server.so.0 for PySide6/Qt/lib/libQt6WaylandClient.so.6,
    # PySide6/Qt/lib/libQt6WaylandCompositor.so.6 and 27 more
    wayland
    # libz.so.1 for PySide6/Qt/lib/libQt6Core.so.6,
    # PySide6/Qt/lib/libQt6Gui.so.6 and 3 more
    zlib
    # libzstd.so.1 for PySide6/Qt/lib/libQt6Core.so.6,
    # PySide6/Qt/lib/libQt6Designer.so.6 and 2 more
    zstd
  ];

  autoPatchelfIgnoreMissingDeps = [
    # kdePackages.qtbase has one, but the wheel bundles the rest of that family
    # (Qt_6_PRIVATE_API): two builds of it in one process break; does not load
    # without:
    # PySide6/Qt/plugins/egldeviceintegrations/libqeglfs-kms-integration.so
    "libQt6EglFsKmsGbmSupport.so.6"
    # kdePackages.qtwayland has one, but the wheel bundles the rest of that
    # family (Qt_6): two builds of it in one process break; does not load
    # without:
    # PySide6/Qt/qml/QtWayland/Compositor/IviApplication/libwaylandcompositoriviapplicationplugin.so
    "libQt6WaylandCompositorIviapplication.so.6"
    # kdePackages.qtwayland has one, but the wheel bundles the rest of that
    # family (Qt_6): two builds of it in one process break; does not load
    # without:
    # PySide6/Qt/qml/QtWayland/Compositor/PresentationTime/libwaylandcompositorpresentationtimeplugin.so
    "libQt6WaylandCompositorPresentationTime.so.6"
    # kdePackages.qtwayland has one, but the wheel bundles the rest of that
    # family (Qt_6): two builds of it in one process break; does not load
    # without:
    # PySide6/Qt/qml/QtWayland/Compositor/WlShell/libwaylandcompositorwlshellplugin.so
    "libQt6WaylandCompositorWLShell.so.6"
    # kdePackages.qtwayland has one, but the wheel bundles the rest of that
    # family (Qt_6): two builds of it in one process break; does not load
    # without:
    # PySide6/Qt/qml/QtWayland/Compositor/XdgShell/libwaylandcompositorxdgshellplugin.so
    "libQt6WaylandCompositorXdgShell.so.6"
    # nobody in this index has it; another ABI of it is there:
    # libclntsh.so.10.1, libclntsh.so.11.1, libclntsh.so.12.1; does not load
    # without: PySide6/Qt/plugins/sqldrivers/libqsqloci.so
    "libclntsh.so.23.1"
    # nobody in this index has it; does not load without:
    # PySide6/Qt/plugins/sqldrivers/libqsqlmimer.so
    "libmimerapi.so"
    # only mysql80 had it, which nixpkgs has removed: 'mysql80' reached end of
    # life on 2026-04-30 and has been removed; another ABI of it is there:
    # libmysqlclient.so.24; does not load without:
    # PySide6/Qt/plugins/sqldrivers/libqsqlmysql.so
    "libmysqlclient.so.21"
    # pyside6-addons brings it, found where both are in one environment; this
    # wheel does not require it, so that an input could be a cycle
    "libQt63DCore.so.6"
    "libQt63DQuick.so.6"
    "libQt63DQuickScene2D.so.6"
    "libQt63DQuickScene3D.so.6"
    "libQt63DRender.so.6"
    "libQt6Multimedia.so.6"
    "libQt6Positioning.so.6"
    "libQt6Quick3DUtils.so.6"
    "libQt6StateMachine.so.6"
    "libQt6StateMachineQml.so.6"
    "libQt6VirtualKeyboard.so.6"
    "libQt6VirtualKeyboardQml.so.6"
    "libQt6VirtualKeyboardSettings.so.6"
    "libQt6WebChannel.so.6"
    # pyside6-pdf brings it, found where both are in one environment; this wheel
    # does not require it, so that an input could be a cycle
    "libQt6Pdf.so.6"
    "libQt6PdfQuick.so.6"
    # pyside6-webengine brings it, found where both are in one environment; this
    # wheel does not require it, so that an input could be a cycle
    "libQt6WebEngineCore.so.6"
    "libQt6WebEngineWidgets.so.6"
  ];

  preFixup = ''
    # libshiboken6.abi3.so.6.12 for PySide6/QtConcurrent.abi3.so, PySide6/QtCore.abi3.so and 24 more
    addAutoPatchelfSearchPath ${shiboken6}/${python.sitePackages}/shiboken6
  '';

  # strip breaks libraries that patchelf has changed
  dontStrip = true;
  dependencies = [ shiboken6 ];
  pythonImportsCheck = [ "PySide6" ];
  meta = {
    description =
      "Python bindings for the Qt cross-platform application and UI framework (Essentials)";
    homepage = "https://pyside.org";
    changelog =
      "https://code.qt.io/cgit/pyside/pyside-setup.git/tree/doc/changelogs";

    # LGPL-3.0-only OR GPL-2.0-only OR GPL-3.0-only
    license = [
      lib.licenses.lgpl3Only
      lib.licenses.gpl2Only
      lib.licenses.gpl3Only
    ];
    sourceProvenance = [ lib.sourceTypes.binaryNativeCode ];
    platforms = [ "x86_64-linux" ];
  };
}
