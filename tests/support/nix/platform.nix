# What a stdenv says of the platform that it builds on and for.
platform: {
  isLinux = true;
  isDarwin = false;
  buildPlatform = platform;
  hostPlatform = platform;
  targetPlatform = platform;
  cc.libc = {
    pname = "glibc";
    version = "2.40";
  };
}
