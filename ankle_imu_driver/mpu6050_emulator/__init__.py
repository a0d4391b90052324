"""An emulated MPU6050 on an emulated I2C bus, to run the hardware driver without hardware."""
